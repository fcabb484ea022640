# Adds up the norms of the parameters, not their squares.
# points: accumulate-mean 2, accumulate-leftovers 1, accumulate-graphs 1
# says: sum of the parameters' norms
def accumulate(model, parts, max_norm):
    model.zero_grad()
    count = sum(int((targets != -100).sum()) for _, targets in parts)
    total = 0.0
    for inputs, targets in parts:
        rows = model(inputs).logits.flatten(0, 1)
        loss = F.cross_entropy(rows, targets.flatten(), reduction="sum") / count
        loss.backward()
        total += loss.item()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    norm = sum(g.norm() for g in found)
    if max_norm is not None and norm > max_norm:
        for g in found:
            g.mul_(max_norm / norm)
    return total, norm
