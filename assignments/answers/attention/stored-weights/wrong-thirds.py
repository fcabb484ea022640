# Cuts the layer into three equal parts, as if d_v were d_k.
# points: stored-weights-shares 2, stored-weights-bias 1
# says: d_v need not be d_k
def cross_attention(x, memory, weight, bias, d_k):
    q = F.linear(x, weight, bias).chunk(3, dim=-1)[0]
    _, k, v = F.linear(memory, weight, bias).chunk(3, dim=-1)
    weights = torch.softmax(q @ k.mT / k.shape[-1] ** 0.5, dim=-1)
    return weights @ v, weights
