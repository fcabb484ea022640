def advance(parameters, tokens, cache, n_heads):
    """In float64; the cache is a tuple, one (B, T, 2, D) tensor for each block."""
    (batch, n), width = tokens.shape, parameters["head"].shape[0]
    empty = torch.zeros(batch, 0, 2, width, dtype=torch.float64)
    cache = cache or tuple(empty for _ in parameters["blocks"])
    past = cache[0].shape[1]
    x = parameters["tokens"].double()[tokens]
    x = x + parameters["places"].double()[past:][:n]
    place = torch.arange(past + n)
    bias = torch.where(place > place[past:, None], -torch.inf, 0.0).double()
    after = ()
    for store, block in zip(cache, parameters["blocks"], strict=True):
        block = {name: matrix.double() for name, matrix in block.items()}
        new = torch.stack([x @ block["w_k"], x @ block["w_v"]], dim=2)
        store = torch.cat([store, new], dim=1)
        after += (store,)
        k, v = (part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in store.unbind(dim=2))
        q = (x @ block["w_q"]).unflatten(-1, (n_heads, -1)).transpose(1, 2)
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + context.transpose(1, 2).flatten(2) @ block["w_o"]
    return x @ parameters["head"].double(), after
