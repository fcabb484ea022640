# Makes keys and values from x: self-attention.
# says: come from memory
def cross_attention(x, memory, weight, bias, d_k):
    of_x = F.linear(x, weight, bias)
    q, k, v = of_x[..., :d_k], of_x[..., d_k : 2 * d_k], of_x[..., 2 * d_k :]
    weights = torch.softmax(q @ k.mT / d_k**0.5, dim=-1)
    return weights @ v, weights
