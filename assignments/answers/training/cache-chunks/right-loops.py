def advance(parameters, tokens, cache, n_heads):
    """One token after the other, each with all that is stored."""
    stores = [[list(part) for part in store] for store in cache] if cache else None
    stores = stores or [([], []) for _ in parameters["blocks"]]
    rows = []
    for t in range(tokens.shape[1]):
        x = parameters["tokens"][tokens[:, t]] + parameters["places"][len(stores[0][0])]
        for block, (keys, values) in zip(parameters["blocks"], stores, strict=True):
            keys.append(x @ block["w_k"])
            values.append(x @ block["w_v"])
            x = x + attend(x @ block["w_q"], keys, values, n_heads) @ block["w_o"]
        rows.append(x @ parameters["head"])
    return torch.stack(rows, dim=1), stores


def attend(query, keys, values, n_heads):
    """One query (B, D) and lists of keys and values (B, D) -> context (B, D)."""
    contexts = []
    width = query.shape[-1] // n_heads
    for h in range(n_heads):
        part = slice(h * width, (h + 1) * width)
        scores = [(query[:, part] * k[:, part]).sum(-1) / math.sqrt(width) for k in keys]
        weights = torch.stack(scores).softmax(dim=0)
        contexts.append(sum(w[:, None] * v[:, part] for w, v in zip(weights, values, strict=True)))
    return torch.cat(contexts, dim=-1)
