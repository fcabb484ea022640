def next_probabilities(logits, temperature, top_k, top_p):
    """In float64: cut in the sorted order, then sort back with the inverse order."""
    logits = logits.double()
    if temperature == 0:
        return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).double()
    order = torch.argsort(-logits, dim=-1, stable=True)
    p = (logits.gather(-1, order) / temperature).softmax(dim=-1)
    if top_k is not None:
        p = p * (torch.arange(p.shape[-1]) < top_k)
        p = p / p.sum(dim=-1, keepdim=True)
    if top_p is not None:
        enough = p.cumsum(dim=-1) >= top_p
        p = p.masked_fill(enough.roll(1, dims=-1).index_fill(-1, torch.tensor([0]), False), 0)
        p = p / p.sum(dim=-1, keepdim=True)
    return p.gather(-1, order.argsort(dim=-1))


def pick(probabilities, u):
    """A binary search in the running sums."""
    sums = probabilities.double().cumsum(dim=-1)
    found = torch.searchsorted(sums, u.double()[:, None], right=True)[:, 0]
    last = [int(row.nonzero().max()) for row in probabilities]
    return torch.minimum(found, torch.tensor(last)).double()
