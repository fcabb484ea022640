# Looks at the first entry of each output only.
# points: leak-detector-pairs 2, leak-detector-across 2
# says: every entry of an output
def find_leaks(function, x, allowed):
    jacobian = torch.autograd.functional.jacobian(function, x)[:, :, 0]  # (B, T, B, T, D)
    touched = (jacobian.abs() > 1e-9).any(-1)
    own = torch.eye(len(x)).bool()[:, None, :, None]
    return (touched & own).any(2).any(0) & ~allowed, bool((touched & ~own).any())
