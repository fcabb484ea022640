# Divides the bits by tokens, not by characters.
# points: bits-per-character-perplexity 1, bits-per-character-edges 1
# says: bits per token


def score_text(batches, characters):
    """Batches of logits (B, T, V_size) and targets (B, T) -> perplexity, bits per character."""
    total, count, length = 0.0, 0, 0
    for logits, targets in batches:
        counted = targets != -100
        chosen = targets[counted]
        log_p = torch.log_softmax(logits[counted].double(), dim=-1)
        total -= log_p.gather(-1, chosen[:, None]).sum().item()
        count += len(chosen)
        length += int(characters[chosen].sum())
    if count == 0:
        raise ValueError("there is no target that counts.")
    return math.exp(total / count), total / math.log(2) / count
