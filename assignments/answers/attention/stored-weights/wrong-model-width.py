# Scales by the width of the model.
# points: stored-weights-context 2, stored-weights-bias 1
# says: width of the model
def cross_attention(x, memory, weight, bias, d_k):
    of_x, of_memory = F.linear(x, weight, bias), F.linear(memory, weight, bias)
    q, k, v = of_x[..., :d_k], of_memory[..., d_k : 2 * d_k], of_memory[..., 2 * d_k :]
    weights = torch.softmax(q @ k.mT / x.shape[-1] ** 0.5, dim=-1)
    return weights @ v, weights
