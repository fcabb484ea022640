# Multiplies by the stored matrix as it is, where nn.Linear stores the transpose.
# points: stored-weights-bias 1
# says: (out, in)
def cross_attention(x, memory, weight, bias, d_k):
    w = weight if weight.shape[0] == weight.shape[1] else weight.reshape(x.shape[-1], -1)
    of_x, of_memory = x @ w, memory @ w
    if bias is not None:
        of_x, of_memory = of_x + bias, of_memory + bias
    q, k, v = of_x[..., :d_k], of_memory[..., d_k : 2 * d_k], of_memory[..., 2 * d_k :]
    weights = torch.softmax(q @ k.mT / d_k**0.5, dim=-1)
    return weights @ v, weights
