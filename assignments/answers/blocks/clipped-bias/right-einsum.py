# Which column belongs to which pair, as 0 and 1, and one einsum.
def distance_bias(table, n_queries, n_keys):
    if n_queries > n_keys:
        raise ValueError(f"{n_queries} queries do not fit among {n_keys} keys")
    n_columns = table.shape[1]
    queries, keys = torch.arange(n_keys)[n_keys - n_queries :], torch.arange(n_keys)
    column = (queries[:, None] - keys + n_columns // 2).clamp(0, n_columns - 1)
    return torch.einsum("hc,tsc->hts", table, F.one_hot(column, n_columns).to(table.dtype))
