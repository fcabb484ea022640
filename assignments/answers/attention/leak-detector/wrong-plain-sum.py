# Takes the gradient of the plain sum of an output's entries, where effects cancel.
# points: leak-detector-pairs 2
# says: the entries do
def find_leaks(function, x, allowed):
    x = x.clone().requires_grad_()
    output = function(x)
    found, across = torch.zeros_like(allowed), False
    for b in range(len(x)):
        for i in range(x.shape[1]):
            (slope,) = torch.autograd.grad(output[b, i].sum(), x, retain_graph=True)
            reached = (slope.abs() > 1e-9).any(-1)
            found[i] |= reached[b]
            reached[b] = False
            across = across or bool(reached.any())
    return found & ~allowed, across
