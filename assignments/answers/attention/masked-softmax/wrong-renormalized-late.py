# Applies the mask after the softmax and divides by the sum, where large scores leave 0/0.
# points: masked-softmax-axis 2, masked-softmax-empty 1, masked-softmax-gradient 2
# says: Subtract the largest score
def masked_softmax(scores, mask, dim):
    weights = scores.softmax(dim) * mask
    total = weights.sum(dim, keepdim=True)
    empty = ~mask.expand_as(scores).any(dim, keepdim=True)
    return weights / total.masked_fill(empty, 1.0)
