# Takes the distance without its sign.
# points: clipped-bias-clip 1, clipped-bias-cache 1
# says: yours ignores it
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = table.shape[1] // 2
    offset = torch.arange(n_keys - n_queries, n_keys)[:, None] - torch.arange(n_keys)
    return table[:, offset.abs().clamp(max=k) + k]
