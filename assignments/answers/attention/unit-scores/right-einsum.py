def unit_scores(q, k, var_q, var_k):
    scores = torch.einsum("...td,...sd->...ts", q, k)
    return scores * torch.dot(var_q, var_k).rsqrt()
