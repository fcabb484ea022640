# Puts the sorted probabilities back with gather, which does not undo the sorting.
# points: bend-and-cut-pick 1
# says: undoes that
def next_probabilities(logits, temperature, top_k, top_p):
    if temperature == 0:
        return F.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
    z = logits / temperature
    sorted_z, order = torch.sort(z, dim=-1, descending=True, stable=True)
    if top_k is not None and top_k < z.shape[-1]:
        sorted_z = sorted_z.clone()
        sorted_z[..., top_k:] = -torch.inf
    p = sorted_z.softmax(-1)
    if top_p is not None:
        before = p.cumsum(-1) - p
        p = p.masked_fill(before >= top_p, 0)
        p = p / p.sum(-1, keepdim=True)
    return p.gather(-1, order)


def pick(probabilities, u):
    c = probabilities.cumsum(-1)
    ids = []
    for row, cr, x in zip(probabilities, c, u, strict=True):
        where = (cr > x).nonzero()
        ids.append(where[0, 0] if len(where) else row.nonzero()[-1, 0])
    return torch.stack(ids)
