def build_mask(lengths, n_queries, n_keys, causal, window):
    keys = torch.arange(n_keys, dtype=torch.float64)
    distance = keys - keys[n_keys - n_queries :].unsqueeze(1)
    blocked = (keys >= lengths.double()[:, None])[:, None, None, :].repeat(1, 1, n_queries, 1)
    blocked |= (distance > 0) if causal else torch.zeros_like(distance, dtype=torch.bool)
    blocked |= distance.abs() >= (math.inf if window is None else window)
    return ~blocked
