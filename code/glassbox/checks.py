"""Checks of arguments, shared by every part: say what was given, what was expected, and the fix."""

from collections.abc import Collection
from difflib import get_close_matches

import torch
from torch import Tensor


def positive(**sizes: int) -> None:
    """Refuse sizes that are no whole number of at least 1.

    Args:
        sizes: each size by the name that the caller knows it by.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if a size is below 1.

    Example:
        >>> positive(d_model=64, n_heads=0)
        Traceback (most recent call last):
        ...
        ValueError: n_heads is 0; expected a whole number of at least 1.
    """
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"{name} is {size!r}; expected a whole number, such as 64.")
        if size < 1:
            raise ValueError(f"{name} is {size}; expected a whole number of at least 1.")


def share(**shares: float) -> None:
    """Refuse probabilities outside 0 ≤ p < 1, such as a dropout of 10 where 0.1 was meant.

    Args:
        shares: each probability by its name.

    Raises:
        ValueError: if one is negative, or 1 or more.

    Example:
        >>> share(dropout=0.1)
    """
    for name, value in shares.items():
        if not 0 <= value < 1:
            raise ValueError(
                f"{name} is {value}; expected a share from 0 up to, but not including, 1. "
                f"For ten percent write 0.1."
            )


def one_of(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse a name that is not among the choices, and offer the closest one.

    Args:
        name: what the argument is called.
        value: what was given.
        choices: what is known.

    Raises:
        ValueError: if `value` is not among `choices`.

    Example:
        >>> one_of("norm", "rmss", ["layer", "rms"])
        Traceback (most recent call last):
        ...
        ValueError: norm is 'rmss'; expected one of 'layer', 'rms'. Did you mean 'rms'?
    """
    if value not in choices:
        known = ", ".join(map(repr, choices))
        close = get_close_matches(str(value), list(choices), n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{name} is {value!r}; expected one of {known}.{hint}")


def divides(whole_name: str, whole: int, part_name: str, part: int) -> None:
    """Refuse a size that does not split into equal parts, and name the nearest that do.

    Args:
        whole_name: what is split, such as `"d_model"`.
        whole: its size.
        part_name: the number of parts, such as `"n_heads"`.
        part: how many parts.

    Raises:
        ValueError: if `whole` is not a multiple of `part`.

    Example:
        >>> divides("d_model", 100, "n_heads", 8)
        Traceback (most recent call last):
        ...
        ValueError: d_model is 100 and n_heads is 8, but 100 / 8 is not whole. The nearest d_model \
that works with n_heads=8: 96 or 104. The nearest n_heads that works with d_model=100: 10.
    """
    if whole % part == 0:
        return
    below = whole // part * part
    wholes = f"{below} or {below + part}" if below else f"{part}"
    near = min((n for n in range(1, whole + 1) if whole % n == 0), key=lambda n: (abs(n - part), n))
    raise ValueError(
        f"{whole_name} is {whole} and {part_name} is {part}, but {whole} / {part} is not whole. "
        f"The nearest {whole_name} that works with {part_name}={part}: {wholes}. "
        f"The nearest {part_name} that works with {whole_name}={whole}: {near}."
    )


def width(name: str, x: Tensor, d_model: int, built_with: str) -> None:
    """Refuse vectors of another width than a layer was built for.

    Args:
        name: what the tensor is called.
        x: the vectors, shape `(..., tokens, d_model)`.
        d_model: the width that the layer expects.
        built_with: the argument that fixed it, such as `"d_in"`.

    Raises:
        ValueError: if the last axis of `x` is not `d_model`.

    Example:
        >>> width("x", torch.zeros(2, 5, 8), 8, "d_model")
    """
    if x.ndim < 1 or x.shape[-1] != d_model:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (..., tokens, {d_model}). This layer was "
            f"built with {built_with}={d_model}."
        )


def tokens(name: str, ids: Tensor, vocab_size: int) -> None:
    """Refuse what is not a batch of token ids below `vocab_size`.

    Args:
        name: what the ids are called, such as `"tokens"`.
        ids: token ids, shape `(batch, seq)`.
        vocab_size: how many ids there are; valid ones are 0 to `vocab_size` − 1.

    Raises:
        TypeError: if the ids are not whole numbers.
        ValueError: if there is no batch axis, no token at all, or an id out of range.

    Example:
        >>> tokens("tokens", torch.tensor([[3, 7]]), vocab_size=5)
        Traceback (most recent call last):
        ...
        ValueError: tokens holds the id 7, but the vocabulary has 5 entries: ids run from 0 to 4. \
Was the text encoded with another tokenizer?
    """
    if ids.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"{name} holds {ids.dtype}; expected token ids, torch.int64. Encode text with a "
            f"tokenizer first, or convert: {name}.long()."
        )
    if ids.ndim != 2 or ids.numel() == 0:
        fix = f"For one sequence, add the batch axis: {name}.unsqueeze(0)." if ids.ndim == 1 else ""
        raise ValueError(
            f"{name} has shape {tuple(ids.shape)}; expected (batch, tokens), neither of them "
            f"empty. {fix}".rstrip()
        )
    if torch.compiler.is_compiling() or ids.is_meta:
        return  # the values are not known here
    low, high = (edge.item() for edge in ids.aminmax())
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"{name} holds the id {low if low < 0 else high}, but the vocabulary has {vocab_size} "
            f"entries: ids run from 0 to {vocab_size - 1}. Was the text encoded with another "
            "tokenizer?"
        )
