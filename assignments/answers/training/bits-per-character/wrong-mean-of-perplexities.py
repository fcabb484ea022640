# Takes the mean of the perplexities of the batches.
# points: bits-per-character-bits 2, bits-per-character-edges 1
# says: no perplexity


def score_text(batches, characters):
    """Perplexity by batch."""
    found, bits, length = [], 0.0, 0
    for logits, targets in batches:
        counted = targets != -100
        if not counted.any():
            continue
        loss = F.cross_entropy(logits[counted], targets[counted])
        found.append(loss.exp())
        bits += loss * counted.sum() / math.log(2)
        length += characters[targets[counted]].sum()
    if not found:
        raise ValueError("no target counts")
    return torch.stack(found).mean(), bits / length
