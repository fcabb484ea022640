# Forgets that a score may become smaller.
# points: first-move-relative 1
# says: smaller has moved
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if (score(x, places + start) > first + 1e-4).any():
            return start
    return None
