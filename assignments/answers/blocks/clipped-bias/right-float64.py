# Stretches the table to both sides, and reads each query's row backwards; double precision.
def distance_bias(table, n_queries, n_keys):
    if n_keys < n_queries:
        raise ValueError("more queries than keys")
    wide = F.pad(table.double()[None], (n_keys, n_keys), mode="replicate")[0].flip(-1)
    middle = wide.shape[1] // 2
    starts = [middle - i for i in range(n_keys - n_queries, n_keys)]
    return torch.stack([wide[:, s : s + n_keys] for s in starts], dim=1)
