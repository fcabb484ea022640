# Takes a token that equals the filling for an end.
# points: write-batch-loop 1, write-batch-modes 1, write-batch-restored 1
# says: a token that equals `fill` ends a text
def write(model, prompts, n_new, context_length, stop, fill):
    modes = {m: m.training for m in model.modules()}
    model.eval()
    texts = prompts
    B, T = prompts.shape
    lengths = torch.full((B,), T)
    alive = torch.ones(B, dtype=torch.bool)
    with torch.no_grad():
        for _ in range(n_new):
            if not alive.any():
                break
            new = model(texts[:, -context_length:]).logits[:, -1].argmax(-1)
            new = torch.where(alive, new, fill)
            texts = torch.cat([texts, new[:, None]], 1)
            lengths += alive
            alive = alive & (new != stop) & (new != fill)
    for m, t in modes.items():
        m.training = t
    return texts, lengths
