# Only the merging of the heads is mended.
# points: mended-layer-order 2
# says: went to the texts
def mended_layer(x, table, w, n_heads):
    batch, seq, width = x.shape
    d_head = width // n_heads

    x = x + table[:batch].unsqueeze(1)
    normed = F.layer_norm(x, (width,))

    q = (normed @ w["q"]).view(batch, seq, n_heads, d_head).transpose(1, 2)
    k = (normed @ w["k"]).view(batch, seq, n_heads, d_head).transpose(1, 2)
    v = (normed @ w["v"]).view(batch, seq, n_heads, d_head).transpose(1, 2)

    q = q * d_head**-0.5
    scores = q @ k.mT
    later = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    weights = scores.softmax(dim=-1).masked_fill(later, 0.0)

    context = weights @ v
    context = context.transpose(1, 2).reshape(batch, seq, width)
    return x + context @ w["o"]
