def unit_scores(q, k, var_q, var_k):
    q, k, var_q, var_k = q.double(), k.double(), var_q.double(), var_k.double()
    total = torch.sqrt(torch.sum(var_q * var_k))
    return torch.matmul(k / total, q.transpose(-1, -2)).transpose(-1, -2)
