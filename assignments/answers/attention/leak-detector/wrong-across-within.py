# Counts what comes from another sequence as a leak within one.
# points: leak-detector-pairs 2, leak-detector-faint 2
# says: from another sequence
def find_leaks(function, x, allowed):
    jacobian = torch.autograd.functional.jacobian(function, x)
    touched = (jacobian.abs() > 1e-9).any(5).any(2)  # (B, T, B, T)
    found = torch.zeros_like(allowed)
    across = False
    for a in range(len(x)):
        for b in range(len(x)):
            found |= touched[a, :, b]
            if a != b:
                across = across or bool(touched[a, :, b].any())
    return found & ~allowed, across
