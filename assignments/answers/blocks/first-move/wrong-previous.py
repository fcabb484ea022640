# Compares with the start before, not with start 0.
# points: first-move-absolute 2, first-move-blocked 1
# says: from start 0
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        now = score(x, places + start)
        if not torch.allclose(now, first, rtol=0, atol=1e-4):
            return start
        first = now
    return None
