def cross_attention(x, memory, weight, bias, d_k):
    bias = None if bias is None else bias.double()
    of_x = F.linear(x.double(), weight.double(), bias)
    of_memory = F.linear(memory.double(), weight.double(), bias)
    q = of_x[..., :d_k] * d_k**-0.5
    weights = F.softmax(q @ of_memory[..., d_k : 2 * d_k].mT, dim=-1)
    return [weights @ of_memory[..., 2 * d_k :], weights]
