# Takes exponentials where nothing is allowed too: they overflow, and the gradient meets them.
# points: masked-softmax-axis 2, masked-softmax-large 1, masked-softmax-empty 1
# says: after it arose
def masked_softmax(scores, mask, dim):
    largest = scores.masked_fill(~mask, -1e9).amax(dim, keepdim=True)
    powers = torch.where(mask, (scores - largest).exp(), 0.0)
    total = powers.sum(dim, keepdim=True)
    return powers / torch.where(total == 0, 1.0, total)
