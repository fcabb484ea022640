# Exchanges the output and the input in the table.
# says: rows and columns are exchanged
def find_leaks(function, x, allowed):
    jacobian = torch.autograd.functional.jacobian(function, x)
    touched = (jacobian.abs() > 1e-9).any(5).any(2)  # (B, T, B, T)
    found = torch.zeros_like(allowed)
    across = False
    for a in range(len(x)):
        for b in range(len(x)):
            if a == b:
                found |= touched[a, :, b]
            else:
                across = across or bool(touched[a, :, b].any())
    return (found & ~allowed).T, across
