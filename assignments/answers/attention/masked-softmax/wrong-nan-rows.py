# Gives NaN where nothing is allowed.
# points: masked-softmax-axis 2, masked-softmax-large 1, masked-softmax-gradient 2
# says: softmax of nothing but -inf
def masked_softmax(scores, mask, dim):
    return scores.masked_fill(~mask, -torch.inf).softmax(dim)
