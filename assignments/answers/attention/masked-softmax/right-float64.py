def masked_softmax(scores, mask, dim):
    scores = scores.double()
    top = torch.where(mask, scores, -1e5).amax(dim, keepdim=True).detach()
    powers = torch.exp(torch.where(mask, scores - top, -1e5)) * mask
    total = powers.sum(dim, keepdim=True)
    return powers / torch.where(total > 0, total, 1.0)
