# Puts in -1,000, which real scores can reach.
# points: masked-softmax-axis 2, masked-softmax-empty 1, masked-softmax-gradient 2
# says: not small enough
def masked_softmax(scores, mask, dim):
    return scores.masked_fill(~mask, -1000.0).softmax(dim) * mask
