def score_text(batches, characters):
    """Target by target, with plain numbers."""
    bits, count, length = 0.0, 0, 0
    for logits, targets in batches:
        for rows, row_targets in zip(logits.tolist(), targets.tolist(), strict=True):
            for row, target in zip(rows, row_targets, strict=True):
                if target == -100:
                    continue
                top = max(row)
                total = sum(math.exp(z - top) for z in row)
                bits += (math.log(total) + top - row[target]) / math.log(2)
                count += 1
                length += characters[target].item()
    if count == 0:
        raise ValueError("nothing to score")
    return 2 ** (bits / count), bits / length
