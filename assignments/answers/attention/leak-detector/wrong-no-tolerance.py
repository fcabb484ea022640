# Takes every number that is not exactly 0 for a leak.
# points: leak-detector-pairs 2, leak-detector-across 2
# says: are rounding
def find_leaks(function, x, allowed):
    jacobian = torch.autograd.functional.jacobian(function, x)
    touched = (jacobian != 0).any(5).any(2)  # (B, T, B, T)
    found = torch.zeros_like(allowed)
    across = False
    for a in range(len(x)):
        for b in range(len(x)):
            if a == b:
                found |= touched[a, :, b]
            else:
                across = across or bool(touched[a, :, b].any())
    return found & ~allowed, across
