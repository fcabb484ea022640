# Adds spreads where variances add.
# says: spreads were summed
def unit_scores(q, k, var_q, var_k):
    return q @ k.mT / (var_q.sqrt() * var_k.sqrt()).sum()
