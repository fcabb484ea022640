# Keeps the cache in a global list, shared by all texts.
# points: cache-chunks-single 1, cache-chunks-pieces 2, cache-chunks-stored 2
# says: something of the other text


KEPT = {}


def advance(parameters, tokens, cache, n_heads):
    """Keys and values live outside; the cache is only a length."""
    past = cache or 0
    batch, n = tokens.shape
    x = parameters["tokens"][tokens] + parameters["places"][past : past + n]
    query, key = torch.arange(past, past + n)[:, None], torch.arange(past + n)
    for i, block in enumerate(parameters["blocks"]):
        q, k, v = (
            (x @ block[name]).view(batch, n, n_heads, -1).transpose(1, 2)
            for name in ("w_q", "w_k", "w_v")
        )
        if past:
            k, v = (
                torch.cat([KEPT[i][0][:, :, :past], k], dim=2),
                torch.cat([KEPT[i][1][:, :, :past], v], dim=2),
            )
        KEPT[i] = (k, v)
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(key > query, -torch.inf)
        context = (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(batch, n, -1)
        x = x + context @ block["w_o"]
    return x @ parameters["head"], past + n
