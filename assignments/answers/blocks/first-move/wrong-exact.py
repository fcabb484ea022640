# Asks whether scores are exactly equal, and stumbles over rounding.
# points: first-move-absolute 2, first-move-blocked 1
# says: by rounding
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if not torch.equal(score(x, places + start), first):
            return start
    return None
