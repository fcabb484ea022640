def cross_attention(x, memory, weight, bias, d_k):
    w = torch.tensor_split(weight, [d_k, 2 * d_k])
    b = [0.0] * 3 if bias is None else torch.tensor_split(bias, [d_k, 2 * d_k])
    q = torch.einsum("...td,kd->...tk", x, w[0]) + b[0]
    k = torch.einsum("...sd,kd->...sk", memory, w[1]) + b[1]
    v = torch.einsum("...sd,vd->...sv", memory, w[2]) + b[2]
    weights = torch.einsum("...tk,...sk->...ts", q, k).div(math.sqrt(d_k)).softmax(-1)
    return torch.einsum("...ts,...sv->...tv", weights, v), weights
