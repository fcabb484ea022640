# All sines first, then all cosines.
# points: waves-at-shapes 1, waves-at-refuses 1
# says: belong together
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    step = base ** (-torch.arange(0, width, 2) / width)
    angles = positions[..., None] * step
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
