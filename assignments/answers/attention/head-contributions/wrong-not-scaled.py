# Does not scale the scores.
# points: head-contributions-causal 2, head-contributions-groups 2
# says: not scaled
def head_contributions(x, w_q, w_k, w_v, w_o, d_head):
    batch, seq, _ = x.shape
    q, k, v = ((x @ w).view(batch, seq, -1, d_head).transpose(1, 2) for w in (w_q, w_k, w_v))
    shared = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
    scores = q @ k.mT
    future = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, -torch.inf).softmax(-1)
    context = weights @ v
    return context @ w_o.view(-1, d_head, w_o.shape[1])
