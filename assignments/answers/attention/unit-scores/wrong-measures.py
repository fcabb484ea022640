# Measures the spread of these scores.
# says: happen to have
def unit_scores(q, k, var_q, var_k):
    scores = q @ k.mT
    return scores / scores.std(correction=0)
