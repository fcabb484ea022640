# Leaves the bias out.
# points: stored-weights-shares 2, stored-weights-context 2
# says: bias is missing
def cross_attention(x, memory, weight, bias, d_k):
    q, k = x @ weight[:d_k].T, memory @ weight[d_k : 2 * d_k].T
    v = memory @ weight[2 * d_k :].T
    weights = torch.softmax(q @ k.mT / d_k**0.5, dim=-1)
    return weights @ v, weights
