# Takes more queries than keys, which would stand before position 0.
# points: clipped-bias-square 2, clipped-bias-clip 1
# says: should raise a ValueError
def distance_bias(table, n_queries, n_keys):
    k = table.shape[1] // 2
    offset = torch.arange(n_keys - n_queries, n_keys)[:, None] - torch.arange(n_keys)
    return table[:, offset.clamp(-k, k) + k]
