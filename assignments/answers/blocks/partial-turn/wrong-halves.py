# Pairs column i with column i + r/2, not with its neighbor.
# points: partial-turn-part 1, partial-turn-batch 1, partial-turn-offset 1
# says: neighbors
def turn_part(x, positions, r, base=10000.0):
    speeds = base ** (-torch.arange(0, r, 2) / max(r, 1))
    phi = positions[:, None, :, None] * speeds
    a, b = x[..., : r // 2], x[..., r // 2 : r]
    turned = torch.cat([a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()], dim=-1)
    return torch.cat([turned, x[..., r:]], dim=-1)
