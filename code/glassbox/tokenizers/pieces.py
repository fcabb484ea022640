r"""The ground of byte-pair encoding: text as bytes that can be seen, and where it may be cut."""

import re
import sys
import unicodedata
from functools import cache
from itertools import groupby

from glassbox.tokenizers.base import check_text

SPACES = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
r"""White space as Unicode defines it; Python's `\s` has four control characters more."""


@cache
def byte_symbols() -> tuple[str, ...]:
    """Return a visible character for each of the 256 bytes, byte 0 first.

    Printable characters stand for themselves. The others, such as the space, get those from U+0100
    on: the space becomes `Ġ`, the line break `Ċ`.

    Returns:
        The 256 characters.

    Source:
        Radford et al. (2019), `bytes_to_unicode` in https://github.com/openai/gpt-2

    Example:
        >>> symbols = byte_symbols()
        >>> [symbols[byte] for byte in "to né".encode()]
        ['t', 'o', 'Ġ', 'n', 'Ã', '©']
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return tuple(chr(b if b in shown else 256 + hidden.index(b)) for b in range(256))


@cache
def _pattern() -> re.Pattern[str]:
    r"""Compile GPT-2's pattern, with its `\p{L}` and `\p{N}` written out: `re` lacks them."""
    ranges = {"L": "", "N": ""}
    codes = range(sys.maxunicode + 1)
    for category, run in groupby(codes, lambda code: unicodedata.category(chr(code))[0]):
        first, *rest = run
        if category in ranges:
            ranges[category] += f"{chr(first)}-{chr(rest[-1] if rest else first)}"
    letters, digits = ranges["L"], ranges["N"]
    return re.compile(
        f"'s|'t|'re|'ve|'m|'ll|'d| ?[{letters}]+| ?[{digits}]+| ?[^{SPACES}{letters}{digits}]+"
        f"|[{SPACES}]+(?![^{SPACES}])|[{SPACES}]+"
    )


def split_pieces(text: str) -> list[str]:
    """Cut a text where no token may reach across: words, numbers, marks, each with its space.

    Args:
        text: any text.

    Returns:
        The pieces; joined, they are the text.

    Raises:
        TypeError: if `text` is no text.
        ValueError: if it holds half a character, which no file can store.

    Source:
        Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", section 2.2;
        the pattern is in https://github.com/openai/gpt-2

    Example:
        >>> split_pieces("They'll pay 15% more.")
        ['They', "'ll", ' pay', ' 15', '%', ' more', '.']
    """
    _check_whole(text)
    return _pattern().findall(text)


def spell_bytes(text: str) -> list[str]:
    """Return the symbols of a text's bytes in UTF-8.

    Args:
        text: a piece of a text.

    Returns:
        One symbol of `byte_symbols` for each byte.

    Example:
        >>> spell_bytes(" né")
        ['Ġ', 'n', 'Ã', '©']
    """
    return [byte_symbols()[byte] for byte in text.encode()]


def _check_whole(text: str) -> None:
    """Refuse what is no text, or holds half a character."""
    check_text("text", text)
    try:
        text.encode()
    except UnicodeEncodeError as half:
        raise ValueError(
            f"text holds {text[half.start]!r} at position {half.start}, half of a surrogate pair, "
            "which has no bytes; expected whole characters. Read the file with encoding='utf-8'."
        ) from None
