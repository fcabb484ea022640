# Multiplies the mean variances and the width, as if all entries were alike.
# points: unit-scores-plain 2
# says: mean variances
def unit_scores(q, k, var_q, var_k):
    return q @ k.mT / (len(var_q) * var_q.mean() * var_k.mean()).sqrt()
