# Gives each head columns of W_O, not rows.
# says: columns of W_O
def head_contributions(x, w_q, w_k, w_v, w_o, d_head):
    batch, seq, _ = x.shape
    q, k, v = ((x @ w).view(batch, seq, -1, d_head).transpose(1, 2) for w in (w_q, w_k, w_v))
    shared = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
    scores = q @ k.mT / d_head**0.5
    future = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, -torch.inf).softmax(-1)
    context = weights @ v
    columns = torch.stack([w_o[:, h * d_head : (h + 1) * d_head].T for h in range(q.shape[1])])
    return context @ columns
