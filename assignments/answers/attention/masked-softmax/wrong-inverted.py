# Fills in minus infinity where the mask is True.
# says: marks what is allowed
def masked_softmax(scores, mask, dim):
    return scores.masked_fill(mask, -torch.inf).softmax(dim).nan_to_num()
