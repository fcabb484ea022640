# Averages the mean losses of the batches, as if they were equally long.
# says: as if each batch had


def score_text(batches, characters):
    """Mean of the batches' means."""
    losses, bits = [], []
    for logits, targets in batches:
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        counted = targets[targets != -100]
        losses.append(loss)
        bits.append(loss * len(counted) / math.log(2) / characters[counted].sum())
    if sum(int((targets != -100).sum()) for _, targets in batches) == 0:
        raise ValueError("no target counts")
    return torch.stack(losses).mean().exp(), torch.stack(bits).mean()
