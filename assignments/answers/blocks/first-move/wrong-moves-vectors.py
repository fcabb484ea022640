# Moves the vectors round, not the positions.
# says: expected
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if not torch.allclose(score(x.roll(start, 0), places), first, rtol=0, atol=1e-4):
            return start
    return None
