"""What generation accepts: checks that name the argument at fault and the likely fix."""

from collections.abc import Iterable
from reprlib import repr as short

import torch
from torch import Tensor

from glassbox import checks


def check_logits(logits: Tensor) -> None:
    """Refuse what is not one row of scores for each sequence."""
    checks.tensor("logits", logits)
    if logits.ndim != 2 or not logits.is_floating_point() or logits.numel() == 0:
        fix = " Take those of the last position: logits[:, -1]." if logits.ndim == 3 else ""
        raise ValueError(
            f"logits has shape {tuple(logits.shape)} and holds {logits.dtype}; expected "
            f"floating-point scores of the next token, (batch, vocab_size).{fix}"
        )


def check_text(tokens: Tensor, logits: Tensor, real: Tensor | None = None) -> None:
    """Refuse a text that is not that of the logits."""
    checks.tokens("tokens", tokens, logits.shape[-1])
    if len(tokens) != len(logits):
        raise ValueError(
            f"there are {len(tokens)} rows of tokens and {len(logits)} of logits; expected one "
            "row of logits for each text."
        )
    if real is not None:
        check_real(real, tokens)


def check_probability(name: str, p: int | float) -> None:
    """Refuse what is not above 0 and at most 1."""
    known = isinstance(p, int | float) and not isinstance(p, bool)
    if not known or not 0 < p <= 1:
        raise (ValueError if known else TypeError)(
            f"{name} is {short(p)}; expected a probability above 0 and at most 1. For ninety "
            "percent write 0.9."
        )


def check_prompt(tokens: Tensor) -> None:
    """Refuse what is not a batch of texts with something in each."""
    if isinstance(tokens, list | tuple):
        raise TypeError(
            f"tokens is of type {type(tokens).__name__}; expected a tensor, (batch, tokens). For "
            "one text write torch.tensor([ids]); for several of different lengths, "
            "tokens, real = pad_left(texts)."
        )
    checks.tensor("tokens", tokens)
    if tokens.ndim == 2 and tokens.shape[1] == 0:
        raise ValueError(
            f"tokens has shape {tuple(tokens.shape)}: the prompt is empty, and a model predicts "
            "only what follows something. Expected at least one token: give each text a start "
            "token, such as the one that separates texts in training."
        )
    checks.ids("tokens", tokens)


def check_real(real: Tensor, tokens: Tensor) -> None:
    """Refuse what is not one boolean for each token."""
    checks.tensor("real", real)
    if real.dtype != torch.bool or real.shape != tokens.shape:
        raise (TypeError if real.dtype != torch.bool else ValueError)(
            f"real has shape {tuple(real.shape)} and holds {real.dtype}; expected one boolean for "
            f"each token, {tuple(tokens.shape)}. Make it: tokens != pad_id."
        )


def check_left_padding(real: Tensor, tokens: Tensor) -> None:
    """Refuse padding anywhere but before the first real token of a row."""
    check_real(real, tokens)
    gaps = ~real[:, -1] | (real[:, :-1] & ~real[:, 1:]).any(dim=1)
    if gaps.any():
        rows = ", ".join(map(str, gaps.nonzero().flatten().tolist()))
        raise ValueError(
            f"row {rows} of real has padding behind a real token, or nothing else. The next token "
            "is predicted from the last position, which would be padding, and new tokens would "
            "stand behind it. Expected padding on the left: put it before the text."
        )


def stop_ids(stop: int | Iterable[int], pad_id: int | None, vocab_size: int | None) -> list[int]:
    """Return the ids that end a text, or refuse what are none."""
    stop = stop.tolist() if isinstance(stop, Tensor) else stop
    given = [stop] if isinstance(stop, int) else stop
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"stop is {short(stop)}; expected token ids, such as stop=(0,). A tokenizer turns "
            "text into ids."
        )
    ids = list(given)
    highest = vocab_size or torch.iinfo(torch.int64).max
    for value in ids:
        if value is None:
            raise TypeError("stop holds None; expected token ids. Leave it out for no stop.")
        checks.token_id("stop", value, highest)
    checks.token_id("pad_id", pad_id, highest)
    return ids
