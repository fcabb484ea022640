def next_probabilities(logits, temperature, top_k, top_p):
    """Row by row, in plain Python."""
    rows = [one_row(row, temperature, top_k, top_p) for row in logits.reshape(-1, logits.shape[-1])]
    return torch.tensor(rows).reshape(logits.shape)


def one_row(row, temperature, top_k, top_p):
    """A row of logits -> its probabilities, as a list."""
    row = row.tolist()
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(row))]
    order = order[: top_k or len(row)]
    powers = {i: math.exp((row[i] - row[order[0]]) / temperature) for i in order}
    total = sum(powers.values())
    kept, reached = {}, 0.0
    for i in order:
        kept[i] = powers[i] / total
        reached += kept[i]
        if top_p is not None and reached >= top_p:
            break
    return [kept.get(i, 0.0) / reached for i in range(len(row))]


def pick(probabilities, u):
    """Go through the tokens until the sum is greater than u."""
    chosen = []
    for row, number in zip(probabilities, u, strict=True):
        total, token = 0.0, 0
        for i, p in enumerate(row):
            if p > 0:
                token = i
            total += p
            if total > number:
                break
        chosen.append(token)
    return torch.tensor(chosen)
