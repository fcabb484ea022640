# Crops the text that is returned, not only what the model reads.
# points: write-batch-modes 1, write-batch-restored 1
# says: Crop what the model reads


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
        texts = texts[:, -context_length:]
        with torch.no_grad():
            logits = model(texts[:, -context_length:]).logits[:, -1]
        token = logits.argmax(dim=-1)
        texts = torch.cat([texts, torch.where(ended, fill, token)[:, None]], dim=1)
        lengths += ~ended
        ended |= token == stop
    for part, mode in modes:
        part.training = mode
    return texts, lengths
