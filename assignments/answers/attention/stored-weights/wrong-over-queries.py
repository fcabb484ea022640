# Takes the softmax over the queries.
# says: over the queries
def cross_attention(x, memory, weight, bias, d_k):
    of_x, of_memory = F.linear(x, weight, bias), F.linear(memory, weight, bias)
    q, k, v = of_x[..., :d_k], of_memory[..., d_k : 2 * d_k], of_memory[..., 2 * d_k :]
    weights = torch.softmax(q @ k.mT / d_k**0.5, dim=-2)
    return weights @ v, weights
