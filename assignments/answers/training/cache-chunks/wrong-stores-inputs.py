# Stores the vectors before the maps of keys and values, and maps them again.
# points: cache-chunks-single 1, cache-chunks-pieces 2, cache-chunks-branches 1
# says: computed again at each step


def advance(parameters, tokens, cache, n_heads):
    """A cache of the blocks' inputs."""
    (batch, n), past = tokens.shape, 0 if cache is None else cache[0].shape[1]
    x = parameters["tokens"][tokens] + parameters["places"][past : past + n]
    longer = []
    query, key = torch.arange(past, past + n)[:, None], torch.arange(past + n)
    for i, block in enumerate(parameters["blocks"]):
        every = x if cache is None else torch.cat([cache[i], x], dim=1)
        longer.append(every)
        q = (x @ block["w_q"]).view(batch, n, n_heads, -1).transpose(1, 2)
        k = (every @ block["w_k"]).view(batch, past + n, n_heads, -1).transpose(1, 2)
        v = (every @ block["w_v"]).view(batch, past + n, n_heads, -1).transpose(1, 2)
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=key <= query)
        x = x + context.transpose(1, 2).flatten(2) @ block["w_o"]
    return x @ parameters["head"], longer
