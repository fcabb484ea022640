# Keeps the ids and computes everything again.
# points: cache-chunks-branches 1
# says: computed again at each step


def advance(parameters, tokens, cache, n_heads):
    """A cache of ids."""
    text = tokens if cache is None else torch.cat([cache, tokens], dim=1)
    batch, seq = text.shape
    x = parameters["tokens"][text] + parameters["places"][:seq]
    for block in parameters["blocks"]:
        q, k, v = (
            (x @ block[name]).view(batch, seq, n_heads, -1).transpose(1, 2)
            for name in ("w_q", "w_k", "w_v")
        )
        context = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + context.transpose(1, 2).flatten(2) @ block["w_o"]
    return (x @ parameters["head"])[:, -tokens.shape[1] :], text
