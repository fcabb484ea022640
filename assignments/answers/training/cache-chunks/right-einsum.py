def advance(parameters, tokens, cache, n_heads):
    """Heads by einsum; keys and values of all blocks in two tensors."""
    places = parameters["places"]
    past = cache["length"] if cache else 0
    n = tokens.shape[1]
    x = parameters["tokens"][tokens] + places[past : past + n]
    all_keys, all_values = [], []
    allowed = torch.ones(n, past + n, dtype=torch.bool).tril(diagonal=past)
    for i, block in enumerate(parameters["blocks"]):
        w_q, w_k, w_v = (block[w].unflatten(1, (n_heads, -1)) for w in ("w_q", "w_k", "w_v"))
        q = torch.einsum("btd,dhk->bhtk", x, w_q) * w_q.shape[-1] ** -0.5
        k = torch.einsum("btd,dhk->bhtk", x, w_k)
        v = torch.einsum("btd,dhk->bhtk", x, w_v)
        if past:
            k, v = torch.cat([cache["keys"][i], k], 2), torch.cat([cache["values"][i], v], 2)
        all_keys.append(k)
        all_values.append(v)
        scores = torch.einsum("bhtk,bhsk->bhts", q, k)
        weights = torch.where(allowed, scores, -torch.inf).softmax(-1)
        w_o = block["w_o"].unflatten(0, (n_heads, -1))
        x = x + torch.einsum("bhts,bhsk,hkd->btd", weights, v, w_o)
    new = {"keys": torch.stack(all_keys), "values": torch.stack(all_values), "length": past + n}
    return x @ parameters["head"], new
