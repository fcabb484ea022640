# Applies the mask after the softmax.
# says: after the softmax
def masked_softmax(scores, mask, dim):
    return scores.softmax(dim) * mask
