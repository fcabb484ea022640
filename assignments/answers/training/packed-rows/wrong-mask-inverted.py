# True marks what is hidden.
# points: packed-rows-targets 2, packed-rows-positions 1
# says: True is where attention is allowed


def pack(rows, documents):
    """Token ids and document numbers (B, T + 1) -> inputs, targets, positions, mask."""
    inputs, owner = rows[:, :-1], documents[:, :-1]
    same_next = (owner == documents[:, 1:]) & (owner >= 0)
    targets = torch.where(same_next, rows[:, 1:], -100)
    seq = inputs.shape[1]
    place = torch.arange(seq, device=rows.device)
    real = owner >= 0
    together = (owner[:, :, None] == owner[:, None, :]) & real[:, :, None]
    itself = torch.eye(seq, dtype=torch.bool, device=rows.device)
    allowed = (together & (place[:, None] >= place)) | itself
    positions = allowed.sum(dim=-1) - 1
    return inputs, targets, positions, ~allowed[:, None]
