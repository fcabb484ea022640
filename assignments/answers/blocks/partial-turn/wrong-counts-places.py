# Counts the places 0, 1, 2 in place of the positions.
# says: not at 0
def turn_part(x, positions, r, base=10000.0):
    speeds = base ** (-torch.arange(0, r, 2) / max(r, 1))
    positions = torch.arange(x.shape[2])[None].expand(len(x), -1)
    phi = positions[:, None, :, None] * speeds
    a, b = x[..., 0:r:2], x[..., 1:r:2]
    turned = torch.stack([a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()], dim=-1)
    return torch.cat([turned.flatten(-2), x[..., r:]], dim=-1)
