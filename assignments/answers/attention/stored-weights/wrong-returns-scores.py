# Returns the scores as the weights.
# points: stored-weights-context 2
# says: these are scores
def cross_attention(x, memory, weight, bias, d_k):
    of_x, of_memory = F.linear(x, weight, bias), F.linear(memory, weight, bias)
    q, k, v = of_x[..., :d_k], of_memory[..., d_k : 2 * d_k], of_memory[..., 2 * d_k :]
    scores = q @ k.mT / d_k**0.5
    return torch.softmax(scores, dim=-1) @ v, scores
