# Takes key minus query for the offset.
# points: clipped-bias-clip 1, clipped-bias-cache 1
# says: query minus key
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = table.shape[1] // 2
    offset = torch.arange(n_keys - n_queries, n_keys)[:, None] - torch.arange(n_keys)
    offset = -offset
    return table[:, offset.clamp(-k, k) + k]
