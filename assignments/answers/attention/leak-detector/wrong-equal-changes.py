# Adds the same number to all entries of an input, which can cancel.
# points: leak-detector-pairs 2, leak-detector-faint 2
# says: equal changes of all entries
def find_leaks(function, x, allowed):
    before, found, across = function(x), torch.zeros_like(allowed), False
    for b in range(len(x)):
        for j in range(x.shape[1]):
            changed = x.clone()
            changed[b, j] += 1.0
            moved = ((function(changed) - before).abs() > 1e-9).any(-1)
            found[:, j] |= moved[b]
            moved[b] = False
            across = across or bool(moved.any())
    return found & ~allowed, across
