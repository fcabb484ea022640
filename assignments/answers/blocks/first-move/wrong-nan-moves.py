# Subtracts, and takes the NaN of a blocked pair for a move.
# points: first-move-relative 1, first-move-absolute 2
# says: blocked at both starts
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if not (score(x, places + start) - first).abs().max() <= 1e-4:
            return start
    return None
