# Takes exponentials of the scores as they are.
# points: masked-softmax-axis 2, masked-softmax-empty 1
# says: overflows
def masked_softmax(scores, mask, dim):
    powers = torch.where(mask, scores.exp(), 0.0)
    total = powers.sum(dim, keepdim=True)
    return powers / torch.where(total == 0, 1.0, total)
