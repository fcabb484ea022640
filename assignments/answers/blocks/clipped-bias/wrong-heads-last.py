# Returns the heads as the last axis.
# says: heads come first
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = table.shape[1] // 2
    offset = torch.arange(n_keys - n_queries, n_keys)[:, None] - torch.arange(n_keys)
    return table.T[offset.clamp(-k, k) + k]
