# Takes the logarithm of probabilities, some of which have become 0.
# points: bits-per-character-perplexity 1, bits-per-character-bits 2
# says: a small probability became 0
def score_text(batches, characters):
    total = 0.0
    n = 0
    chars = 0
    for logits, targets in batches:
        keep = targets != -100
        logp = logits.softmax(-1).log()[keep]
        t = targets[keep]
        total += -logp.gather(1, t[:, None]).sum().item()
        n += int(keep.sum())
        chars += int(characters[t].sum())
    if n == 0:
        raise ValueError("no target counts")
    return math.exp(total / n), total / math.log(2) / chars
