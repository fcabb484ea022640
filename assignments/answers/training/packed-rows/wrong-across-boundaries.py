# The last token of a document predicts the first of the next one.
# points: packed-rows-positions 1, packed-rows-mask 2
# says: first token of the next document


def pack(rows, documents):
    """Token ids and document numbers (B, T + 1) -> inputs, targets, positions, mask."""
    inputs, owner = rows[:, :-1], documents[:, :-1]
    same_next = documents[:, 1:] >= 0
    targets = torch.where(same_next, rows[:, 1:], -100)
    seq = inputs.shape[1]
    place = torch.arange(seq, device=rows.device)
    real = owner >= 0
    together = (owner[:, :, None] == owner[:, None, :]) & real[:, :, None]
    itself = torch.eye(seq, dtype=torch.bool, device=rows.device)
    allowed = (together & (place[:, None] >= place)) | itself
    positions = allowed.sum(dim=-1) - 1
    return inputs, targets, positions, allowed[:, None]
