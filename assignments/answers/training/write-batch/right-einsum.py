def write(model, prompts, n_new, context_length, stop, fill):
    """A canvas of full width; the ends are found afterwards."""
    before = {name: part.training for name, part in model.named_modules()}
    batch, seq = prompts.shape
    canvas = torch.cat([prompts, prompts.new_full((batch, n_new), fill)], dim=1)
    model.train(False)
    with torch.inference_mode():
        t = seq
        while t < seq + n_new and not (canvas[:, seq:t] == stop).any(dim=1).all():
            row = model(canvas[:, max(0, t - context_length) : t]).logits[:, -1, :]
            canvas[:, t] = row.topk(1).indices.squeeze(1)
            t += 1
    for name, part in model.named_modules():
        part.training = before[name]
    new = canvas[:, seq:t]
    done = (new == stop).cumsum(dim=1)
    over = done - (new == stop).long() > 0
    return torch.cat([prompts, new.masked_fill(over, fill)], dim=1), seq + (~over).sum(dim=1)
