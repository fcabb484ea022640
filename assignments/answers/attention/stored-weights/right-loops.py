def cross_attention(x, memory, weight, bias, d_k):
    lead, t, s = x.shape[:-2], x.shape[-2], memory.shape[-2]
    x, memory = x.reshape(-1, *x.shape[-2:]), memory.reshape(-1, *memory.shape[-2:])
    bias = torch.zeros(weight.shape[0]) if bias is None else bias
    contexts, all_weights = [], []
    for b in range(len(x)):
        from_memory = [weight @ row + bias for row in memory[b]]
        for row in x[b]:
            q = (weight @ row + bias)[:d_k]
            scores = torch.stack([q @ other[d_k : 2 * d_k] for other in from_memory])
            exponentials = torch.exp((scores - scores.max()) / d_k**0.5)
            weights = exponentials / exponentials.sum()
            pairs = zip(weights, from_memory, strict=True)
            contexts.append(sum(w * other[2 * d_k :] for w, other in pairs))
            all_weights.append(weights)
    return torch.stack(contexts).view(*lead, t, -1), torch.stack(all_weights).view(*lead, t, s)
