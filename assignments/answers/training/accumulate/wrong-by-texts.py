# Weighs a part by its number of texts.
# points: accumulate-leftovers 1, accumulate-clip 1, accumulate-graphs 1
# says: number of texts


def accumulate(model, parts, max_norm):
    """Parts of a batch -> the batch's gradient in .grad, clipped; mean loss, norm before."""
    model.zero_grad()
    count = sum(len(x) for x, y in parts if (y != -100).any())
    total = 0.0
    for inputs, targets in parts:
        if (targets == -100).all():
            continue
        logits = model(inputs).logits.flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten()) * len(inputs) / count
        loss.backward()
        total += loss.item()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.stack([g.norm() for g in found]).norm()
    if max_norm is not None and norm > max_norm:
        for g in found:
            g.mul_(max_norm / norm)
    return total, norm.item()
