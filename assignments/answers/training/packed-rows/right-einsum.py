def pack(rows, documents):
    """One-hot vectors of the documents; their products say who belongs together."""
    owner = documents[:, :-1]
    seq = owner.shape[1]
    member = F.one_hot(owner + 1, int(documents.max()) + 2)[..., 1:].float()
    together = torch.einsum("btd,bsd->bts", member, member).tril().bool()
    mask = together | torch.eye(seq, dtype=torch.bool)
    counts = torch.einsum("btd,btd->bt", member.cumsum(dim=1), member)
    positions = (counts - 1).clamp(min=0).long()
    targets = rows[:, 1:].clone()
    targets[(documents[:, 1:] != owner) | (documents[:, 1:] == -1)] = -100
    return rows[:, :-1], targets, positions, mask.unsqueeze(1)
