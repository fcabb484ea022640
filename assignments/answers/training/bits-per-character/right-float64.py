def score_text(batches, characters):
    """All targets in one row, PyTorch's cross-entropy in float64."""
    losses, chosen = [], []
    for logits, targets in batches:
        flat, wanted = logits.double().flatten(0, 1), targets.flatten()
        losses.append(F.cross_entropy(flat, wanted, reduction="none")[wanted != -100])
        chosen.append(wanted[wanted != -100])
    losses, chosen = torch.cat(losses), torch.cat(chosen)
    if len(losses) == 0:
        raise ValueError("no target counts")
    return losses.mean().exp(), losses.sum() / characters[chosen].sum() / math.log(2)
