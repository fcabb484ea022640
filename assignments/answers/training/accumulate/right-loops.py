def accumulate(model, parts, max_norm):
    """Gradients by torch.autograd.grad, text by text, added up in a list."""
    trained = [p for p in model.parameters() if p.requires_grad]
    sums = [torch.zeros_like(p) for p in trained]
    total, count = 0.0, 0
    for inputs, targets in parts:
        for row, wanted in zip(inputs, targets, strict=True):
            counted = (wanted != -100).nonzero().flatten()
            if len(counted) == 0:
                continue
            log_p = model(row[None]).logits[0].log_softmax(dim=-1)
            loss = -sum(log_p[t, wanted[t]] for t in counted)
            for add, g in zip(sums, torch.autograd.grad(loss, trained), strict=True):
                add += g
            total, count = total + loss.item(), count + len(counted)
    norm = math.sqrt(sum(float((g / count).square().sum()) for g in sums))
    factor = 1.0 if max_norm is None else min(1.0, max_norm / norm)
    for parameter, g in zip(trained, sums, strict=True):
        parameter.grad = g * factor / count
    return total / count, norm
