# Takes the mean of a part in which nothing counts.
# points: accumulate-mean 2, accumulate-clip 1, accumulate-graphs 1
# says: 0 / 0


def accumulate(model, parts, max_norm):
    """Parts of a batch -> the batch's gradient in .grad, clipped; mean loss, norm before."""
    model.zero_grad()
    count = sum(int((targets != -100).sum()) for _, targets in parts)
    total = 0.0
    for inputs, targets in parts:
        logits = model(inputs).logits.flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten())
        loss = loss * (targets != -100).sum() / count
        loss.backward()
        total += loss.item()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.stack([g.norm() for g in found]).norm()
    if max_norm is not None and norm > max_norm:
        for g in found:
            g.mul_(max_norm / norm)
    return total, norm.item()
