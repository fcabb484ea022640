"""Checks of what a part is built from: sizes, shares, names, configurations, other parts."""

from collections.abc import Collection
from difflib import get_close_matches
from math import inf
from numbers import Integral
from reprlib import repr as short

from torch import nn


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
        if isinstance(size, bool) or not isinstance(size, Integral):
            fixes = {
                float: " Divide sizes with //, which stays whole.",
                str: " Leave out the quotes.",
            }
            kind = "" if size is None else f", of type {type(size).__name__}"
            raise TypeError(
                f"{name} is {short(size)}{kind}; expected a whole number, such as 8."
                f"{fixes.get(type(size), '')}"
            )
        if size < 1:
            raise ValueError(f"{name} is {size}; expected a whole number of at least 1.")


def flags(**given: bool) -> None:
    """Refuse switches that are neither True nor False, such as the text "False", which is true.

    Args:
        given: each switch by its name.

    Raises:
        TypeError: if one is of another type.

    Example:
        >>> flags(causal=True)
    """
    for name, flag in given.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} is {short(flag)}; expected True or False, without quotes.")


def above_zero(name: str, value: int | float, example: int | float) -> None:
    """Refuse what is no positive number.

    Args:
        name: what the number is called.
        value: what was given.
        example: a usual value, for the message.

    Raises:
        TypeError: if `value` is no number.
        ValueError: if it is 0 or less, or infinite.

    Example:
        >>> above_zero("std", 0.02, example=0.02)
    """
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 < value < inf:
        raise (ValueError if known else TypeError)(
            f"{name} is {short(value)}; expected a positive number, such as {example:g}."
        )


def share(**shares: float) -> None:
    """Refuse probabilities outside 0 ≤ p < 1, such as a dropout of 10 where 0.1 was meant.

    Args:
        shares: each probability by its name.

    Raises:
        TypeError: if one is no number.
        ValueError: if one is negative, or 1 or more.

    Example:
        >>> share(dropout=0.1)
    """
    for name, value in shares.items():
        known = isinstance(value, int | float)
        if not known or not 0 <= value < 1:
            raise (ValueError if known else TypeError)(
                f"{name} is {short(value)}; expected a share from 0 up to, but not including, 1. "
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
    if isinstance(value, str) and value in choices:
        return
    given = str(value).lower()
    # With another first letter it is likely another word: 'rope' is not a misspelled 'none'.
    alike = [choice for choice in choices if choice[:1] == given[:1]]
    close = get_close_matches(given, alike, n=1, cutoff=0.4) or get_close_matches(given, choices, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = ", ".join(map(repr, choices))
    raise ValueError(f"{name} is {short(value)}; expected one of {known}.{hint}")


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


def token_id(name: str, value: int | None, vocab_size: int) -> None:
    """Refuse an id that no token can have. None stands for no such token, and is fine.

    Args:
        name: what the id is called, such as `"pad_id"`.
        value: what was given.
        vocab_size: how many ids there are.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is out of range.

    Example:
        >>> token_id("pad_id", 0, vocab_size=65)
    """
    if value is None:
        return
    known = isinstance(value, int) and not isinstance(value, bool)
    if not known or not 0 <= value < vocab_size:
        raise (ValueError if known else TypeError)(
            f"{name} is {short(value)}, but token ids run from 0 to {vocab_size - 1}. "
            "Take one of these, or write None where there is no padding."
        )


def config(given: object, kind: type, hint: str = "") -> None:
    """Refuse settings of another kind than a model is built from.

    Args:
        given: what was given as the configuration.
        kind: the class of configurations that fit.
        hint: where else to get one.

    Raises:
        TypeError: if `given` is not of that class.

    Example:
        >>> config({"d_model": 64}, dict)
    """
    if isinstance(given, kind):
        return
    fixes = {
        type: f"Give it its settings: {kind.__name__}(vocab_size=65, ...)",
        dict: f"Unpack the dictionary: {kind.__name__}(**settings)",
    }
    fix = fixes.get(type(given), f"Make one with {kind.__name__}(vocab_size=65, ...)")
    raise TypeError(
        f"config is {_shown(given)}; expected settings of type {kind.__name__}. {fix}{hint}."
    )


def module(name: str, given: object, example: str) -> None:
    """Refuse what is no module where a part of a model is handed in.

    Args:
        name: what the part is called.
        given: what was given.
        example: a part that fits, as one writes it.

    Raises:
        TypeError: if `given` is no module.

    Example:
        >>> module("activation", nn.ReLU(), "nn.ReLU()")
    """
    if not isinstance(given, nn.Module):
        fix = " Write parentheses after a class to build one." if isinstance(given, type) else ""
        raise TypeError(f"{name} is {_shown(given)}; expected a module, such as {example}.{fix}")


def _shown(given: object) -> str:
    """Return how a message names what was given."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    if isinstance(given, str | int | float | None):
        return short(given)
    return f"of type {type(given).__name__}"
