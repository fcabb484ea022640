# Counts rows 0, 1, 2 in place of the positions.
# points: waves-at-refuses 1
# says: counts rows
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    step = base ** (-torch.arange(0, width, 2) / width)
    positions = torch.arange(positions.numel()).view(positions.shape)
    angles = positions[..., None] * step
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
