# Counts the queries of a piece from 0 in the mask, as is_causal=True does.
# points: cache-chunks-branches 1, cache-chunks-stored 2
# says: sees only the first one


def advance(parameters, tokens, cache, n_heads):
    """The next ids (B, n) and the cache of earlier ones -> logits (B, n, V_size), new cache."""
    batch, n = tokens.shape
    past = 0 if cache is None else cache[0][0].shape[2]
    x = parameters["tokens"][tokens] + parameters["places"][past : past + n]
    query, key = torch.arange(n)[:, None], torch.arange(past + n)
    longer = []
    for i, block in enumerate(parameters["blocks"]):
        q, k, v = (
            (x @ block[name]).view(batch, n, n_heads, -1).transpose(1, 2)
            for name in ("w_q", "w_k", "w_v")
        )
        if cache is not None:
            k, v = torch.cat([cache[i][0], k], dim=2), torch.cat([cache[i][1], v], dim=2)
        longer.append((k, v))
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(key > query, -torch.inf)
        context = (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(batch, n, -1)
        x = x + context @ block["w_o"]
    return x @ parameters["head"], longer
