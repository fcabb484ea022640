# Turns the caller's own tensor.
# points: partial-turn-values 2, partial-turn-batch 1, partial-turn-offset 1
# says: not yours to write into
def turn_part(x, positions, r, base=10000.0):
    for i in range(r // 2):
        phi = positions[:, None] * base ** (-2 * i / r)
        a, b = x[..., 2 * i].clone(), x[..., 2 * i + 1].clone()
        x[..., 2 * i] = a * phi.cos() - b * phi.sin()
        x[..., 2 * i + 1] = a * phi.sin() + b * phi.cos()
    return x
