# Clips each number of the gradient by itself.
# points: accumulate-mean 2, accumulate-leftovers 1, accumulate-graphs 1
# says: clipped by itself


def accumulate(model, parts, max_norm):
    """Parts of a batch -> the batch's gradient in .grad, clipped; mean loss, norm before."""
    model.zero_grad()
    count = sum(int((targets != -100).sum()) for _, targets in parts)
    total = 0.0
    for inputs, targets in parts:
        if (targets == -100).all():
            continue
        logits = model(inputs).logits.flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten(), reduction="sum") / count
        loss.backward()
        total += loss.item()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.stack([g.norm() for g in found]).norm()
    if max_norm is not None and norm > max_norm:
        for g in found:
            g.clamp_(-max_norm, max_norm)
    return total, norm.item()
