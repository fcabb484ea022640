def write(model, prompts, n_new, context_length, stop, fill):
    """A copy of the model writes, so the modes of the original need no care."""
    import copy

    writer = copy.deepcopy(model).eval()
    texts, lengths = prompts.clone(), prompts.new_full((len(prompts),), prompts.shape[1])
    going = lengths > 0
    with torch.inference_mode():
        while n_new and going.any():
            tokens = writer(texts[:, -context_length:]).logits[:, -1].softmax(-1).max(-1).indices
            tokens[~going] = fill
            texts = torch.column_stack((texts, tokens))
            lengths = lengths + going.int()
            going = going * tokens.ne(stop)
            n_new -= 1
    return texts, lengths
