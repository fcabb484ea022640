# Subtracts, so a blocked pair gives NaN, and nothing is greater than that.
# points: first-move-relative 1, first-move-absolute 2
# says: NaN
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if (score(x, places + start) - first).abs().max() > 1e-4:
            return start
    return None
