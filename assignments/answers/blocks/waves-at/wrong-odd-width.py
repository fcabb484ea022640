# Takes any width, and gives an odd one a column more.
# points: waves-at-values 2, waves-at-shapes 1
# says: odd width
def waves_at(positions, width, base=10000.0):
    step = base ** (-torch.arange(0, width, 2) / width)
    angles = positions[..., None] * step
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
