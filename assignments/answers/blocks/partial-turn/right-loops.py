# Token by token, pair by pair.
def turn_part(x, positions, r, base=10000.0):
    out = x.clone()
    for b in range(x.shape[0]):
        for t in range(x.shape[2]):
            for i in range(r // 2):
                phi = float(positions[b, t]) * base ** (-2 * i / r)
                first, second = x[b, :, t, 2 * i], x[b, :, t, 2 * i + 1]
                out[b, :, t, 2 * i] = first * math.cos(phi) - second * math.sin(phi)
                out[b, :, t, 2 * i + 1] = first * math.sin(phi) + second * math.cos(phi)
    return out
