# Rounds positions to whole numbers, as for rows of a table.
# points: waves-at-refuses 1
# says: between whole numbers
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    step = base ** (-torch.arange(0, width, 2) / width)
    angles = positions.long()[..., None] * step
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
