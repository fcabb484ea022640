def masked_softmax(scores, mask, dim):
    mask = mask.expand(scores.shape).movedim(dim, -1)
    moved = scores.movedim(dim, -1)
    rows = []
    for row, open_to in zip(
        moved.reshape(-1, moved.shape[-1]), mask.reshape(-1, moved.shape[-1]), strict=True
    ):
        allowed = [j for j in range(len(row)) if open_to[j]]
        weights = [row[j] * 0 for j in range(len(row))]
        if allowed:
            top = max(row[j].item() for j in allowed)
            powers = {j: torch.exp(row[j] - top) for j in allowed}
            for j in allowed:
                weights[j] = powers[j] / sum(powers.values())
        rows.append(torch.stack(weights))
    return torch.stack(rows).reshape(moved.shape).movedim(-1, dim)
