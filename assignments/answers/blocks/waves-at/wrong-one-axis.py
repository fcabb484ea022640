# Takes positions for a single axis, as in the chapter's table.
# points: waves-at-values 2, waves-at-refuses 1
# says: new axis comes last
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    step = base ** (-torch.arange(0, width, 2) / width)
    angles = positions.reshape(-1, 1) * step
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
