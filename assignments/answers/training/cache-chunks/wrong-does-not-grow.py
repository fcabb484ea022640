# Hands the old cache on, without the new keys and values.
# points: cache-chunks-branches 1, cache-chunks-stored 2
# says: the cache does not grow
def advance(parameters, tokens, cache, n_heads):
    B, n = tokens.shape
    past = 0 if cache is None else cache[0][0].shape[2]
    x = parameters["tokens"][tokens] + parameters["places"][past : past + n]
    D = x.shape[-1]
    new = []

    def split(y):
        return y.view(B, n, n_heads, D // n_heads).transpose(1, 2)

    for i, b in enumerate(parameters["blocks"]):
        q, k, v = split(x @ b["w_q"]), split(x @ b["w_k"]), split(x @ b["w_v"])
        if cache is not None:
            k = torch.cat([cache[i][0], k], 2)
            v = torch.cat([cache[i][1], v], 2)
        new.append((k, v) if cache is None else (cache[i][0], cache[i][1]))
        mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + y.transpose(1, 2).reshape(B, n, D) @ b["w_o"]
    return x @ parameters["head"], new
