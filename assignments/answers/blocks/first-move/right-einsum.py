# All starts at once, then the first that moved.
def first_move(score, x, length):
    starts = torch.arange(length - len(x) + 1)
    seen = torch.stack([score(x, torch.arange(len(x)) + s) for s in starts])
    gap = torch.where(seen == seen[:1], 0.0, (seen - seen[:1]).abs())
    moved = (gap > 1e-4).flatten(1).any(dim=1).nonzero()
    return int(moved[0]) if len(moved) else None
