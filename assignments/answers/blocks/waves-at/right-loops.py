# One number at a time.
def waves_at(positions, width, base=10000.0):
    if width % 2:
        raise ValueError("width must be even")
    numbers = []
    for p in positions.flatten().tolist():
        for i in range(width // 2):
            angle = p / base ** (2 * i / width)
            numbers += [math.sin(angle), math.cos(angle)]
    return torch.tensor(numbers).reshape(*positions.shape, width)
