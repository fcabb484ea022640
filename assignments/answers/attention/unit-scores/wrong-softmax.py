# Returns weights where scores were asked for.
# says: softmax
def unit_scores(q, k, var_q, var_k):
    return (q @ k.mT / (var_q * var_k).sum().sqrt()).softmax(dim=-1)
