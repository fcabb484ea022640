"""Text on the screen, token by token."""

import sys

import torch
from torch import nn

from glassbox.generation import Sampler, stream
from glassbox.tokenizers import Tokenizer


def default_prompt(tokenizer: Tokenizer) -> str:
    """Return what a text begins with where nobody says: a new line, or the first token."""
    try:
        tokenizer.encode("\n")
    except ValueError:  # a text of a single line
        return tokenizer.decode([0])
    return "\n"


def write_sample(
    model: nn.Module,
    tokenizer: Tokenizer,
    *,
    prompt: str | None = None,
    tokens: int,
    sampler: Sampler | None = None,
    seed: int = 0,
    use_cache: bool | None = None,
) -> None:
    """Print the prompt and what the model writes after it, as it is written."""
    prompt = default_prompt(tokenizer) if prompt is None else prompt
    start = torch.tensor([tokenizer.encode(prompt)], device=next(model.parameters()).device)
    sampler = Sampler(temperature=0.8) if sampler is None else sampler
    ids, shown = start[0].tolist(), prompt
    sys.stdout.write(prompt)
    for column in stream(model, start, tokens, sampler=sampler, seed=seed, use_cache=use_cache):
        ids.append(column.item())
        text = tokenizer.decode(ids)
        if text.endswith("\N{REPLACEMENT CHARACTER}"):
            continue  # a character of which only some bytes are there
        sys.stdout.write(text[len(shown) :])
        sys.stdout.flush()
        shown = text
    sys.stdout.write("\n")
