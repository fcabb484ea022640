# Puts the queries at the beginning.
# points: clipped-bias-square 2, clipped-bias-clip 1
# says: yours are the first
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = table.shape[1] // 2
    offset = torch.arange(n_queries)[:, None] - torch.arange(n_keys)
    return table[:, offset.clamp(-k, k) + k]
