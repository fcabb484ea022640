# The exponent is -i / width, without the 2.
# points: waves-at-refuses 1
# says: -2i / width
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    step = base ** (-torch.arange(width // 2) / width)
    angles = positions[..., None] * step
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
