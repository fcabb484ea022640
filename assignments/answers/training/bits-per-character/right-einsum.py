def score_text(batches, characters):
    """One-hot targets pick the log-probabilities and the lengths."""
    loss = count = length = torch.zeros(())
    for logits, targets in batches:
        n_tokens = logits.shape[-1]
        counted = targets.ne(-100)
        chosen = F.one_hot(targets.clamp(min=0), n_tokens) * counted[..., None]
        chosen = chosen.to(logits.dtype)
        loss = loss - torch.einsum("btv,btv->", chosen, logits.log_softmax(-1))
        length = length + torch.einsum("btv,v->", chosen, characters.to(logits.dtype))
        count = count + counted.sum()
    if not count:
        raise ValueError("no target counts")
    return (loss / count).exp(), loss / length / torch.tensor(2.0).log()
