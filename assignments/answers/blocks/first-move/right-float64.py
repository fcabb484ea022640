# In double precision, with a large number for minus infinity.
def first_move(score, x, length):
    def asked(start):
        scores = score(x, torch.arange(start, start + len(x))).double()
        return scores.masked_fill(scores == -torch.inf, -1e9)

    first = asked(0)
    gaps = {s: (asked(s) - first).abs().max().item() for s in range(1, length - len(x) + 1)}
    return min((s for s, gap in gaps.items() if gap > 1e-4), default=None)
