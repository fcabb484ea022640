def masked_softmax(scores, mask, dim):
    weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim)
    return torch.einsum("...,...->...", weights, mask.expand_as(scores).to(weights.dtype))
