def accumulate(model, parts, max_norm):
    """A running mean, in float64 from the logits on."""
    model.zero_grad(set_to_none=False)
    mean, seen = torch.zeros((), dtype=torch.float64), 0
    trained = [p for p in model.parameters() if p.requires_grad]
    for inputs, targets in parts:
        counted = targets != -100
        n = int(counted.sum())
        if n == 0:
            continue
        loss = F.cross_entropy(model(inputs).logits[counted].double(), targets[counted])
        share = n / (seen + n)
        for parameter in trained:
            if parameter.grad is not None:
                parameter.grad *= 1 - share
        (loss * share).backward()
        mean = mean * (1 - share) + loss.detach() * share
        seen += n
    vector = torch.cat([p.grad.flatten().double() for p in trained])
    norm = vector.norm()
    if max_norm is not None:
        for parameter in trained:
            parameter.grad.mul_(min(1.0, float(max_norm / norm)))
    return mean, norm
