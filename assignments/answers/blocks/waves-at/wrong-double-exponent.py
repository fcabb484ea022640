# Doubles the exponent: 2i is already there in the steps of 2.
# points: waves-at-refuses 1
# says: yours is twice that
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("the width is odd")
    angles = positions[..., None] * base ** (-2 * torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
