# Takes the variances for spreads.
# points: unit-scores-plain 2
# says: taken for spreads
def unit_scores(q, k, var_q, var_k):
    return q @ k.mT / (var_q**2 * var_k**2).sum().sqrt()
