# The transpose of the cutting is taken away, so that it matches the merging.
# points: mended-layer-alone 1, mended-layer-later 2
# says: cut by a view
def mended_layer(x, table, w, n_heads):
    batch, seq, width = x.shape
    d_head = width // n_heads

    x = x + table[:seq]
    normed = F.layer_norm(x, (width,))

    q = (normed @ w["q"]).view(batch, n_heads, seq, d_head)
    k = (normed @ w["k"]).view(batch, n_heads, seq, d_head)
    v = (normed @ w["v"]).view(batch, n_heads, seq, d_head)

    q = q * d_head**-0.5
    scores = q @ k.mT
    later = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(later, -torch.inf).softmax(dim=-1)

    context = weights @ v
    context = context.reshape(batch, seq, width)
    return x + context @ w["o"]
