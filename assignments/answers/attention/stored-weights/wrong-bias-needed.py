# Adds the bias even where there is none.
# points: stored-weights-bias 1
# says: may be None
def cross_attention(x, memory, weight, bias, d_k):
    of_x, of_memory = x @ weight.T + bias, memory @ weight.T + bias
    q, k, v = of_x[..., :d_k], of_memory[..., d_k : 2 * d_k], of_memory[..., 2 * d_k :]
    weights = torch.softmax(q @ k.mT / d_k**0.5, dim=-1)
    return weights @ v, weights
