# The base is written into the code.
# points: waves-at-shapes 1, waves-at-refuses 1
# says: base
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    step = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angles = positions[..., None] * step
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
