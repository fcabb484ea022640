# Fills the scores that were given in place.
# points: masked-softmax-axis 2, masked-softmax-large 1, masked-softmax-empty 1
# says: in place
def masked_softmax(scores, mask, dim):
    return scores.masked_fill_(~mask, -torch.inf).softmax(dim).nan_to_num()
