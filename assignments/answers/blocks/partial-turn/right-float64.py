# Complex numbers in double precision; returns double precision.
def turn_part(x, positions, r, base=10000.0):
    x = x.double()
    if r == 0:
        return x.clone()
    speeds = base ** (-torch.arange(0, r, 2).double() / r)
    phi = positions.double()[:, None, :, None] * speeds
    pairs = torch.view_as_complex(x[..., :r].reshape(*x.shape[:-1], r // 2, 2).contiguous())
    turned = torch.view_as_real(pairs * torch.polar(torch.ones_like(phi), phi)).flatten(-2)
    return torch.cat([turned, x[..., r:]], dim=-1)
