# Measures top-p by the probabilities from before top-k.
# points: bend-and-cut-temperature 1, bend-and-cut-ties 1, bend-and-cut-pick 1
# says: from before top-k


def next_probabilities(logits, temperature, top_k, top_p):
    """Logits (..., V_size) -> probabilities (..., V_size), bent, cut and summing to 1."""
    if temperature == 0:
        temperature, top_k, top_p = 1.0, 1, None
    ordered, order = (logits / temperature).sort(dim=-1, descending=True, stable=True)
    kept = ordered.softmax(dim=-1)
    whole = kept.cumsum(dim=-1) - kept
    if top_k is not None:
        kept[..., top_k:] = 0
        kept = kept / kept.sum(dim=-1, keepdim=True)
    if top_p is not None:
        kept = torch.where(whole < top_p, kept, 0.0)
        kept = kept / kept.sum(dim=-1, keepdim=True)
    return torch.zeros_like(kept).scatter(-1, order, kept)


def pick(probabilities, u):
    """Probabilities (B, V_size) and numbers (B,) from [0, 1) -> token ids (B,)."""
    reached = probabilities.cumsum(dim=-1) > u[:, None]
    places = torch.arange(probabilities.shape[-1])
    last = torch.where(probabilities > 0, places, 0).amax(dim=-1)
    return torch.where(reached.any(dim=-1), reached.long().argmax(dim=-1), last)
