# Marks with True what is blocked.
# says: True marks what is blocked
def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys)
    back = torch.arange(n_keys - n_queries, n_keys)[:, None] - keys
    allowed = torch.ones(n_queries, n_keys, dtype=torch.bool)
    if causal:
        allowed = allowed & (back >= 0)
    if window is not None:
        allowed = allowed & (back.abs() < window)
    return ~((keys < lengths[:, None])[:, None, None] & allowed)
