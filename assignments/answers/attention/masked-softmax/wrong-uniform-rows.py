# Puts in -1e9, and so spreads the weight evenly where nothing is allowed.
# points: masked-softmax-axis 2, masked-softmax-large 1, masked-softmax-gradient 2
# says: uniform average
def masked_softmax(scores, mask, dim):
    return scores.masked_fill(~mask, -1e9).softmax(dim)
