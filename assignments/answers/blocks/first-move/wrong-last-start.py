# Leaves out the last start that fits.
# points: first-move-relative 1, first-move-blocked 1
# says: only the last start
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x)):
        if not torch.allclose(score(x, places + start), first, rtol=0, atol=1e-4):
            return start
    return None
