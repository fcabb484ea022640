def pack(rows, documents):
    """Token by token."""
    batch, seq = rows.shape[0], rows.shape[1] - 1
    inputs, targets, positions, mask = [], [], [], []
    for b in range(batch):
        row, owner = rows[b].tolist(), documents[b].tolist()
        inputs.append(row[:seq])
        next_ones, places, seen = [], [], []
        for t in range(seq):
            real = owner[t] != -1
            next_ones.append(row[t + 1] if real and owner[t + 1] == owner[t] else -100)
            earlier = [s for s in range(t) if owner[s] == owner[t]]
            places.append(len(earlier) if real else 0)
            seen.append([s == t or (real and s in earlier) for s in range(seq)])
        targets.append(next_ones)
        positions.append(places)
        mask.append([seen])
    return torch.tensor(inputs), torch.tensor(targets), torch.tensor(positions), torch.tensor(mask)
