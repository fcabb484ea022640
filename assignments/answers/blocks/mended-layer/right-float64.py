# In double precision, cast back at the end; later scores get a very low number.
def mended_layer(x, table, w, n_heads):
    batch, seq, width = x.shape
    x = x.double() + table[:seq].double()
    normed = F.layer_norm(x, (width,))
    q, k, v = (
        (normed @ w[name].double()).view(batch, seq, n_heads, -1).permute(0, 2, 1, 3)
        for name in ("q", "k", "v")
    )
    scores = q @ k.transpose(-2, -1) / math.sqrt(width // n_heads)
    scores += torch.full((seq, seq), -1e30, dtype=torch.float64).triu(1)
    context = torch.cat((scores.softmax(-1) @ v).unbind(1), dim=-1)
    return (x + context @ w["o"].double()).float()
