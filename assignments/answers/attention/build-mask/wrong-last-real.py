# Puts the queries at the end of what is real, not at the last positions.
# points: build-mask-lengths 1, build-mask-causal 1, build-mask-window 2
# says: last real positions
def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys)
    queries = lengths[:, None] - n_queries + torch.arange(n_queries)
    back = (queries[..., None] - keys)[:, None]
    allowed = (keys < lengths[:, None])[:, None, None].expand(-1, 1, n_queries, -1)
    if causal:
        allowed = allowed & (back >= 0)
    if window is not None:
        allowed = allowed & (back.abs() < window)
    return allowed
