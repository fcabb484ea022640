def write(model, prompts, n_new, context_length, stop, fill):
    """Choose in float64; put the modes back even if the model fails."""
    parts = list(model.modules())
    modes = [part.training for part in parts]
    texts, going = prompts, torch.ones(prompts.shape[0]).double()
    lengths = prompts.shape[1] * going
    was_on = torch.is_grad_enabled()
    try:
        model.eval()
        torch.set_grad_enabled(False)
        while n_new > 0 and going.sum() > 0:
            scores = model(texts.narrow(1, *span(texts, context_length))).logits.double()
            column = torch.full_like(texts[:, :1], fill)
            column[going > 0] = scores[going > 0, -1].argmax(dim=-1, keepdim=True)
            texts = torch.hstack([texts, column])
            lengths = lengths + going
            going = going * (column[:, 0] != stop)
            n_new -= 1
    finally:
        torch.set_grad_enabled(was_on)
        for part, mode in zip(parts, modes, strict=True):
            part.train(mode) if not list(part.children()) else setattr(part, "training", mode)
    return texts, lengths


def span(texts, context_length):
    """Start and size of the window."""
    size = min(texts.shape[1], context_length)
    return texts.shape[1] - size, size
