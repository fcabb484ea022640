# Cuts the graph, so that nothing is learned through it.
# points: masked-softmax-axis 2, masked-softmax-large 1, masked-softmax-empty 1
# says: cuts the graph
def masked_softmax(scores, mask, dim):
    return scores.detach().masked_fill(~mask, -torch.inf).softmax(dim).nan_to_num()
