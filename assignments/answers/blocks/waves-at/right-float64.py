# In double precision, with a cosine as a shifted sine; returns double precision.
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    column = torch.arange(width, dtype=torch.float64)
    speed = base ** (-2 * (column // 2) / width)
    return torch.sin(positions.double().unsqueeze(-1) * speed + column % 2 * math.pi / 2)
