# Uses the root of d_k, whatever the variances are.
# points: unit-scores-plain 2
# says: others
def unit_scores(q, k, var_q, var_k):
    return q @ k.mT / q.shape[-1] ** 0.5
