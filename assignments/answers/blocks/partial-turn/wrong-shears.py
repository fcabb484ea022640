# The second column of a pair is computed from the first one's new value.
# points: partial-turn-batch 1
# says: the new a
def turn_part(x, positions, r, base=10000.0):
    speeds = base ** (-torch.arange(0, r, 2) / max(r, 1))
    phi = positions[:, None, :, None] * speeds
    a, b = x[..., 0:r:2], x[..., 1:r:2]
    a = a * phi.cos() - b * phi.sin()
    turned = torch.stack([a, a * phi.sin() + b * phi.cos()], dim=-1)
    return torch.cat([turned.flatten(-2), x[..., r:]], dim=-1)
