def head_contributions(x, w_q, w_k, w_v, w_o, d_head):
    n_heads, n_kv = w_q.shape[1] // d_head, w_k.shape[1] // d_head
    parts = torch.zeros(len(x), n_heads, x.shape[1], w_o.shape[1])
    for h in range(n_heads):
        shared = h * n_kv // n_heads
        mine = slice(h * d_head, (h + 1) * d_head)
        theirs = slice(shared * d_head, (shared + 1) * d_head)
        for b in range(len(x)):
            q, k, v = x[b] @ w_q[:, mine], x[b] @ w_k[:, theirs], x[b] @ w_v[:, theirs]
            for t in range(x.shape[1]):
                weights = torch.softmax(k[: t + 1] @ q[t] / math.sqrt(d_head), dim=0)
                parts[b, h, t] = weights @ v[: t + 1] @ w_o[mine]
    return parts
