"""Prompts of different lengths in one batch."""

from collections.abc import Sequence
from reprlib import repr as short

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from glassbox import checks


def pad_left(
    texts: Sequence[Sequence[int] | Tensor], pad_id: int = 0
) -> tuple[Int[Tensor, "batch seq"], Bool[Tensor, "batch seq"]]:
    """Put texts of different lengths into one batch, with padding before the shorter ones.

    So all of them end in the last column, where the next token is predicted.

    Args:
        texts: the token ids of each text.
        pad_id: fills up; which id is no matter, for `real` hides it.

    Returns:
        The tokens, and which of them are no padding, both of shape `(B, T)`; `generate` takes them
        as `tokens` and `real`.

    Raises:
        TypeError: if these are no texts of token ids.
        ValueError: if there is no text, one is empty, or `pad_id` is negative.

    Example:
        >>> tokens, real = pad_left([[5, 6, 7], [8]])
        >>> tokens
        tensor([[5, 6, 7],
                [0, 0, 8]])
        >>> real[1]
        tensor([False, False,  True])
    """
    checks.token_id("pad_id", pad_id, torch.iinfo(torch.int64).max)
    listed = isinstance(texts, list | tuple)
    if not listed or not texts:
        raise (ValueError if listed else TypeError)(
            f"texts is {short(texts)}; expected a list of texts, each a row of token ids, such as "
            "[[5, 6, 7], [8]]. A tokenizer turns text into ids."
        )
    rows = [_row(i, text) for i, text in enumerate(texts)]
    tokens = pad_sequence(rows, True, pad_id, padding_side="left")
    real = [torch.ones_like(row, dtype=torch.bool) for row in rows]
    return tokens, pad_sequence(real, True, False, padding_side="left")


def _row(i: int, text: Sequence[int] | Tensor) -> Int[Tensor, " seq"]:
    """Return the ids of a text, or refuse what is none."""
    ids = text.tolist() if isinstance(text, Tensor) else text
    listed = isinstance(ids, list | tuple)
    whole = listed and all(isinstance(n, int) and not isinstance(n, bool) for n in ids)
    if not whole or not ids:
        raise (ValueError if whole else TypeError)(
            f"texts[{i}] is {short(text)}; expected a row of token ids, at least one, such as "
            "[5, 6, 7]. A tokenizer turns text into ids; an empty prompt gets a start token."
        )
    return torch.as_tensor(text, dtype=torch.long)
