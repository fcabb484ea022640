# Takes exponentials of the logits themselves, which overflow.
# points: bits-per-character-perplexity 1, bits-per-character-bits 2
# says: infinite entries or NaNs


def score_text(batches, characters):
    """Batches of logits (B, T, V_size) and targets (B, T) -> perplexity, bits per character."""
    total, count, length = 0.0, 0, 0
    for logits, targets in batches:
        counted = targets != -100
        chosen = targets[counted]
        powers = logits[counted].double().exp()
        log_p = (powers / powers.sum(dim=-1, keepdim=True)).log()
        total -= log_p.gather(-1, chosen[:, None]).sum().item()
        count += len(chosen)
        length += int(characters[chosen].sum())
    if count == 0:
        raise ValueError("there is no target that counts.")
    return torch.tensor(total / count).exp(), total / math.log(2) / length
