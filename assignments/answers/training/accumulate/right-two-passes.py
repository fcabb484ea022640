def accumulate(model, parts, max_norm):
    """The losses first, without a graph; then the gradients."""
    each = []
    with torch.no_grad():
        for inputs, targets in parts:
            rows = model(inputs).logits.flatten(0, 1)
            loss = F.cross_entropy(rows, targets.flatten(), reduction="none")
            each.append(loss[targets.flatten() != -100])
    each = torch.cat(each)
    model.zero_grad()
    for inputs, targets in parts:
        keep = targets != -100
        p = model(inputs).logits.double().softmax(dim=-1)[keep]
        loss = -p.gather(1, targets[keep][:, None]).log().sum() / len(each)
        loss.backward()
    found = [p.grad for p in model.parameters() if p.requires_grad]
    norm = torch.cat([g.flatten() for g in found]).norm()
    if max_norm is not None and norm > max_norm:
        torch._foreach_mul_(found, max_norm / norm.item())
    return each.mean().item(), norm
