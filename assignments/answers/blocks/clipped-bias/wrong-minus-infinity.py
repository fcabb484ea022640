# Blocks the offsets beyond k.
# points: clipped-bias-square 2, clipped-bias-cache 1
# says: minus infinity
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = table.shape[1] // 2
    offset = torch.arange(n_keys - n_queries, n_keys)[:, None] - torch.arange(n_keys)
    return table[:, offset.clamp(-k, k) + k].masked_fill(offset.abs() > k, -torch.inf)
