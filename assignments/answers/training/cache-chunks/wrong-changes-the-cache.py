# Appends to the lists of the cache that it got.
# points: cache-chunks-single 1, cache-chunks-pieces 2, cache-chunks-stored 2
# says: has changed the cache


def advance(parameters, tokens, cache, n_heads):
    """The same lists, longer each time."""
    if cache is None:
        cache = [([], []) for _ in parameters["blocks"]]
    past = sum(k.shape[2] for k in cache[0][0])
    batch, n = tokens.shape
    x = parameters["tokens"][tokens] + parameters["places"][past : past + n]
    query, key = torch.arange(past, past + n)[:, None], torch.arange(past + n)
    for block, (keys, values) in zip(parameters["blocks"], cache, strict=True):
        q, k, v = (
            (x @ block[name]).view(batch, n, n_heads, -1).transpose(1, 2)
            for name in ("w_q", "w_k", "w_v")
        )
        keys.append(k)
        values.append(v)
        k, v = torch.cat(keys, dim=2), torch.cat(values, dim=2)
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=key <= query)
        x = x + context.transpose(1, 2).flatten(2) @ block["w_o"]
    return x @ parameters["head"], cache
