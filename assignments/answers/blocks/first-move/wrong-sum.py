# Compares the sums of all scores, in which moves cancel.
# says: sums to 0
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if not torch.allclose(score(x, places + start).sum(), first.sum(), rtol=0, atol=1e-4):
            return start
    return None
