# Looks along dim of the mask as it came, whose axes are fewer.
# points: masked-softmax-large 1, masked-softmax-empty 1, masked-softmax-gradient 2
# says: expand the mask
def masked_softmax(scores, mask, dim):
    some = mask.any(dim, keepdim=True)
    filled = scores.masked_fill(~mask, -torch.inf).masked_fill(~some, 0.0)
    return filled.softmax(dim) * some
