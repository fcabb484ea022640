# Pair by pair.
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError("more queries than keys")
    k = (table.shape[1] - 1) // 2
    bias = torch.zeros(table.shape[0], n_queries, n_keys)
    for row in range(n_queries):
        i = n_keys - n_queries + row
        for j in range(n_keys):
            bias[:, row, j] = table[:, max(-k, min(k, i - j)) + k]
    return bias
