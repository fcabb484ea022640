def next_probabilities(logits, temperature, top_k, top_p):
    """Count for each token how many are likelier, and what they sum up to: no sorting."""
    place = torch.arange(logits.shape[-1])
    a, b = logits[..., :, None], logits[..., None, :]
    before = (b > a) | ((b == a) & (place < place[:, None]))  # (..., token, likelier token)
    rank = before.sum(dim=-1)
    if temperature == 0:
        return (rank == 0).float()
    kept = logits / temperature
    if top_k:
        kept = kept.masked_fill(rank >= top_k, -math.inf)
    p = torch.softmax(kept, dim=-1)
    if top_p:
        p = p * (torch.einsum("...ij,...j->...i", before.to(p.dtype), p) < top_p)
    return p / p.sum(dim=-1, keepdim=True)


def pick(probabilities, u):
    """How many running sums are not greater than u?"""
    sums = torch.einsum("bi,ij->bj", probabilities, torch.ones(probabilities.shape[-1:] * 2).triu())
    last = probabilities.shape[-1] - 1 - (probabilities.flip(-1) > 0).int().argmax(dim=-1)
    return torch.minimum((sums <= u[:, None]).sum(dim=-1), last)
