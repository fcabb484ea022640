def build_mask(lengths, n_queries, n_keys, causal, window):
    allowed = torch.ones(n_queries, n_keys, dtype=torch.bool)
    first = n_keys - n_queries
    if causal:
        allowed = allowed.tril(first)
    if window is not None:
        allowed = allowed.triu(first - window + 1).tril(first + window - 1)
    real = torch.arange(n_keys).expand(len(lengths), 1, 1, n_keys) < lengths.view(-1, 1, 1, 1)
    return torch.logical_and(real, allowed)
