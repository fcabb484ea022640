# Tries the start 1 only.
# says: expected 3
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, 2):
        if not torch.allclose(score(x, places + start), first, rtol=0, atol=1e-4):
            return start
    return None
