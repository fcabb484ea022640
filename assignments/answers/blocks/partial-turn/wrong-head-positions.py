# Lines the positions up with the heads, not with the texts.
# points: partial-turn-values 2, partial-turn-part 1, partial-turn-offset 1
# says: lined up with the heads
def turn_part(x, positions, r, base=10000.0):
    speeds = base ** (-torch.arange(0, r, 2) / max(r, 1))
    positions = positions if len(positions) == x.shape[1] else positions[:1]
    phi = positions[:, :, None] * speeds
    a, b = x[..., 0:r:2], x[..., 1:r:2]
    turned = torch.stack([a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()], dim=-1)
    return torch.cat([turned.flatten(-2), x[..., r:]], dim=-1)
