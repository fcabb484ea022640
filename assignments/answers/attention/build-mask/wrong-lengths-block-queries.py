# Lets the lengths block queries, not keys.
# points: build-mask-causal 1, build-mask-window 2
# says: Padding is about the last axis
def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys)
    back = torch.arange(n_keys - n_queries, n_keys)[:, None] - keys
    allowed = torch.ones(n_queries, n_keys, dtype=torch.bool)
    if causal:
        allowed = allowed & (back >= 0)
    if window is not None:
        allowed = allowed & (back.abs() < window)
    queries = torch.arange(n_queries)
    return (queries < lengths[:, None])[:, None, :, None] & allowed
