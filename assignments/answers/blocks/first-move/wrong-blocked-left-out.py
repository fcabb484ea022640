# Leaves out all pairs that are blocked at one of the starts.
# points: first-move-relative 1, first-move-absolute 2
# says: that were not at start 0
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        change = (score(x, places + start) - first).abs()
        if (change[change.isfinite()] > 1e-4).any():
            return start
    return None
