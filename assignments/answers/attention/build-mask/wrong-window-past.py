# Limits the past only, where the window has two sides.
# points: build-mask-lengths 1, build-mask-causal 1, build-mask-together 1
# says: limits the past only
def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys)
    back = torch.arange(n_keys - n_queries, n_keys)[:, None] - keys
    allowed = torch.ones(n_queries, n_keys, dtype=torch.bool)
    if causal:
        allowed = allowed & (back >= 0)
    if window is not None:
        allowed = allowed & (back < window)
    return (keys < lengths[:, None])[:, None, None] & allowed
