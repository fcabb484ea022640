def write(model, prompts, n_new, context_length, stop, fill):
    """Each text by itself; then all are filled up."""
    modes = []
    for part in model.modules():
        modes.append(part.training)
        part.training = False
    texts = [alone(model, p.tolist(), n_new, context_length, stop) for p in prompts]
    for part, mode in zip(model.modules(), modes, strict=True):
        part.training = mode
    lengths = [len(text) for text in texts]
    width = max(lengths)
    return (
        torch.tensor([text + [fill] * (width - len(text)) for text in texts]),
        torch.tensor(lengths),
    )


@torch.no_grad()
def alone(model, text, n_new, context_length, stop):
    """One text, a list of ids."""
    for _ in range(n_new):
        row = model(torch.tensor([text[-context_length:]])).logits[0, -1].tolist()
        text.append(row.index(max(row)))
        if text[-1] == stop:
            break
    return text
