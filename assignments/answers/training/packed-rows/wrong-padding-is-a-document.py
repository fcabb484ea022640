# The number of padding, -1, is treated like any other document.
# says: passes for one more document


def pack(rows, documents):
    """Token ids and document numbers (B, T + 1) -> inputs, targets, positions, mask."""
    inputs, owner = rows[:, :-1], documents[:, :-1]
    same_next = owner == documents[:, 1:]
    targets = torch.where(same_next, rows[:, 1:], -100)
    seq = inputs.shape[1]
    place = torch.arange(seq, device=rows.device)
    together = owner[:, :, None] == owner[:, None, :]
    itself = torch.eye(seq, dtype=torch.bool, device=rows.device)
    allowed = (together & (place[:, None] >= place)) | itself
    positions = allowed.sum(dim=-1) - 1
    return inputs, targets, positions, allowed[:, None]
