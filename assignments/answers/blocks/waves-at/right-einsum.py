# Fills the columns of an empty tensor; the angles from an einsum.
def waves_at(positions, width, base=10000.0):
    if width % 2 == 1:
        raise ValueError(f"an odd width, {width}, leaves a sine without its cosine")
    steps = torch.exp(torch.arange(0, width, 2) * (-math.log(base) / width))
    angles = torch.einsum("...,i->...i", positions.float(), steps)
    waves = torch.empty(*positions.shape, width)
    waves[..., 0::2] = angles.sin()
    waves[..., 1::2] = angles.cos()
    return waves
