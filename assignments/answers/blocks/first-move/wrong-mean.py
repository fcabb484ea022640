# Asks for the mean of the changes, in which one of many drowns.
# points: first-move-relative 1
# says: a mean or a sum
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if (score(x, places + start) - first).abs().mean() > 1e-4:
            return start
    return None
