def head_contributions(x, w_q, w_k, w_v, w_o, d_head):
    x = x.double()
    q, k, v = (torch.stack((x @ w.double()).split(d_head, -1)) for w in (w_q, w_k, w_v))
    group = len(q) // len(k)
    past = torch.tril(torch.ones(x.shape[1], x.shape[1], dtype=torch.float64))
    parts = []
    for h, rows in enumerate(w_o.double().split(d_head)):
        scores = q[h] @ k[h // group].mT / d_head**0.5
        powers = torch.exp(scores - scores.amax(-1, keepdim=True)) * past
        parts.append(powers / powers.sum(-1, keepdim=True) @ (v[h // group] @ rows))
    return torch.stack(parts, 1)
