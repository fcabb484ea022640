# Later scores are set to 0 before the softmax, not to minus infinity.
# points: mended-layer-alone 1, mended-layer-order 2
# says: score of 0 still gets
def mended_layer(x, table, w, n_heads):
    batch, seq, width = x.shape
    d_head = width // n_heads

    x = x + table[:seq]
    normed = F.layer_norm(x, (width,))

    q = (normed @ w["q"]).view(batch, seq, n_heads, d_head).transpose(1, 2)
    k = (normed @ w["k"]).view(batch, seq, n_heads, d_head).transpose(1, 2)
    v = (normed @ w["v"]).view(batch, seq, n_heads, d_head).transpose(1, 2)

    q = q * d_head**-0.5
    scores = q @ k.mT
    later = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(later, 0.0).softmax(dim=-1)

    context = weights @ v
    context = context.transpose(1, 2).reshape(batch, seq, width)
    return x + context @ w["o"]
