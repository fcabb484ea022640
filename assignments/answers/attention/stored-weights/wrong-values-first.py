# Takes the first outputs of the layer for the value.
# points: stored-weights-shares 2
# says: the last part
def cross_attention(x, memory, weight, bias, d_k):
    of_x, of_memory = F.linear(x, weight, bias), F.linear(memory, weight, bias)
    q, k = of_x[..., :d_k], of_memory[..., d_k : 2 * d_k]
    weights = torch.softmax(q @ k.mT / d_k**0.5, dim=-1)
    return weights @ of_memory[..., : len(weight) - 2 * d_k], weights
