# Takes eval() for the switch that builds no graph.
# points: write-batch-loop 1, write-batch-stop 2, write-batch-restored 1
# says: a graph was built


def write(model, prompts, n_new, context_length, stop, fill):
    """Prompts (B, T) -> texts (B, T + n) with filling after their ends, and lengths (B,)."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    texts = prompts
    ended = torch.zeros(len(prompts), dtype=torch.bool)
    lengths = torch.full((len(prompts),), prompts.shape[1])
    for _ in range(n_new):
        if ended.all():
            break
        logits = model(texts[:, -context_length:]).logits[:, -1]
        token = logits.argmax(dim=-1)
        texts = torch.cat([texts, torch.where(ended, fill, token)[:, None]], dim=1)
        lengths += ~ended
        ended |= token == stop
    for part, mode in modes:
        part.training = mode
    return texts, lengths
