def head_contributions(x, w_q, w_k, w_v, w_o, d_head):
    seq, n_kv = x.shape[1], w_k.shape[1] // d_head
    q = torch.einsum("btd,dgne->bgnte", x, w_q.reshape(len(w_q), n_kv, -1, d_head))
    k = torch.einsum("bsd,dge->bgse", x, w_k.reshape(len(w_k), n_kv, d_head))
    v = torch.einsum("bsd,dge->bgse", x, w_v.reshape(len(w_v), n_kv, d_head))
    scores = torch.einsum("bgnte,bgse->bgnts", q, k) * d_head**-0.5
    scores = scores + torch.full((seq, seq), -torch.inf).triu(1)
    rows = w_o.reshape(n_kv, -1, d_head, w_o.shape[1])
    parts = torch.einsum("bgnts,bgse,gnem->bgntm", scores.softmax(-1), v, rows)
    return parts.flatten(1, 2)
