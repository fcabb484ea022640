# Looks at the first sequence only.
# points: leak-detector-pairs 2
# says: need not be the first
def find_leaks(function, x, allowed):
    jacobian = torch.autograd.functional.jacobian(lambda one: function(one[None])[0], x[0])
    found = (jacobian.abs() > 1e-9).any(3).any(1)
    return found & ~allowed, False
