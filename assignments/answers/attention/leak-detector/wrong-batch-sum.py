# Sums the outputs of all sequences, so that opposite effects cancel.
# points: leak-detector-pairs 2
# says: cancel in their sum
def find_leaks(function, x, allowed):
    jacobian = torch.autograd.functional.jacobian(lambda y: function(y).sum(0), x).sum(2)
    found = (jacobian.abs() > 1e-9).any(-1).any(1)
    return found & ~allowed, False
