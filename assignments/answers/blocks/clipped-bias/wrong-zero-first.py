# Takes column 0 for the offset 0.
# says: takes it for the offset 0
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = table.shape[1] // 2
    offset = torch.arange(n_keys - n_queries, n_keys)[:, None] - torch.arange(n_keys)
    return table[:, offset.clamp(-k, k)]
