# Divides by the variance, not by its square root.
# says: square root
def unit_scores(q, k, var_q, var_k):
    return q @ k.mT / (var_q * var_k).sum()
