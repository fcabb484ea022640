# Takes the last keys for the real ones.
# points: build-mask-causal 1, build-mask-window 2
# says: padding stands on the right
def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys)
    back = torch.arange(n_keys - n_queries, n_keys)[:, None] - keys
    allowed = torch.ones(n_queries, n_keys, dtype=torch.bool)
    if causal:
        allowed = allowed & (back >= 0)
    if window is not None:
        allowed = allowed & (back.abs() < window)
    return (keys >= n_keys - lengths[:, None])[:, None, None] & allowed
