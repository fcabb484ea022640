# Takes i / r for the exponent, not 2i / r.
# points: partial-turn-batch 1, partial-turn-offset 1
# says: yours is -i/r
def turn_part(x, positions, r, base=10000.0):
    speeds = base ** (-torch.arange(r // 2) / max(r, 1))
    phi = positions[:, None, :, None] * speeds
    a, b = x[..., 0:r:2], x[..., 1:r:2]
    turned = torch.stack([a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()], dim=-1)
    return torch.cat([turned.flatten(-2), x[..., r:]], dim=-1)
