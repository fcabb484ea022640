# Hides NaNs at the end; the gradient still meets them.
# points: masked-softmax-axis 2, masked-softmax-large 1, masked-softmax-empty 1
# says: on the way back
def masked_softmax(scores, mask, dim):
    weights = (scores + torch.where(mask, 0.0, -torch.inf)).softmax(dim)
    return torch.where(mask.expand_as(scores).any(dim, keepdim=True), weights, 0.0)
