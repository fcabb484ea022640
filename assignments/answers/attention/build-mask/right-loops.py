def build_mask(lengths, n_queries, n_keys, causal, window):
    rows = []
    for length in lengths.tolist():
        for i in range(n_queries):
            here = n_keys - n_queries + i
            low = 0 if window is None else here - window + 1
            high = n_keys if window is None else here + window
            high = min(high, here + 1) if causal else high
            rows.append([low <= j < min(high, length) for j in range(n_keys)])
    return torch.tensor(rows).view(len(lengths), 1, n_queries, n_keys)
