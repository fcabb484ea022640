def accumulate(model, parts, max_norm):
    """Sums of losses by one-hot targets; divided by the count at the end."""
    total, count = torch.zeros(()), 0
    for parameter in model.parameters():
        parameter.grad = None
    for inputs, targets in parts:
        log_p = model(inputs).logits.log_softmax(dim=-1)
        one_hot = (targets[..., None] == torch.arange(log_p.shape[-1])).to(log_p.dtype)
        loss = -torch.einsum("btv,btv->", log_p, one_hot)
        loss.backward()
        total, count = total + loss.detach(), count + one_hot.sum()
    with torch.no_grad():
        trained = [p for p in model.parameters() if p.requires_grad and p.grad is not None]
        for parameter in trained:
            parameter.grad /= count
        norm = torch.nn.utils.clip_grad_norm_(trained, max_norm or math.inf)
    return total / count, norm
