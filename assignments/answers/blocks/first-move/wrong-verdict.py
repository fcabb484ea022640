# Says whether the scores are relative, not where they move.
# says: got True
def first_move(score, x, length):
    places = torch.arange(len(x))
    first = score(x, places)
    for start in range(1, length - len(x) + 1):
        if not torch.allclose(score(x, places + start), first, rtol=0, atol=1e-4):
            return False
    return True
