# Attends before the new key and value are appended.
# points: cache-chunks-branches 1, cache-chunks-stored 2
# says: does not see itself


def advance(parameters, tokens, cache, n_heads):
    """Only what is stored is attended to; at the start the piece itself."""
    (batch, n), past = tokens.shape, 0 if cache is None else cache[0][0].shape[2]
    x = parameters["tokens"][tokens] + parameters["places"][past : past + n]
    longer = []
    for i, block in enumerate(parameters["blocks"]):
        q, k, v = (
            (x @ block[name]).view(batch, n, n_heads, -1).transpose(1, 2)
            for name in ("w_q", "w_k", "w_v")
        )
        if cache is None:
            context = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            longer.append((k, v))
        else:
            context = F.scaled_dot_product_attention(q, *cache[i])
            longer.append((torch.cat([cache[i][0], k], dim=2), torch.cat([cache[i][1], v], dim=2)))
        x = x + context.transpose(1, 2).flatten(2) @ block["w_o"]
    return x @ parameters["head"], longer
