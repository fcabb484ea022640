def unit_scores(q, k, var_q, var_k):
    variance = 0.0
    for a, b in zip(var_q.tolist(), var_k.tolist(), strict=True):
        variance += a * b
    factor = 1 / math.sqrt(variance)
    scores = torch.zeros(*q.shape[:-1], k.shape[-2])
    for t in range(q.shape[-2]):
        for s in range(k.shape[-2]):
            scores[..., t, s] = factor * (q[..., t, :] * k[..., s, :]).sum(-1)
    return scores
