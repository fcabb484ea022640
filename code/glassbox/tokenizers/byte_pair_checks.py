"""Whether merges and symbols make up a byte-pair tokenizer."""

from collections.abc import Collection, Iterable
from reprlib import repr as short

from glassbox.tokenizers.base import check_list
from glassbox.tokenizers.pieces import byte_symbols

END = "<|endoftext|>"
"""What GPT-2 writes between two documents."""


def checked_merges(merges: Iterable[Collection[str]]) -> tuple[tuple[str, str], ...]:
    """Return merges as pairs of text, or refuse what cannot be applied.

    Args:
        merges: the pairs to join, the first learned first.

    Returns:
        The same pairs.

    Raises:
        TypeError: if these are no pairs of text.
        ValueError: if a pair occurs twice, or a part of it does not exist yet.

    Example:
        >>> checked_merges([["t", "h"], ["th", "e"]])
        (('t', 'h'), ('th', 'e'))
    """
    check_list("merges", merges, "[('t', 'h')], or call train to learn them from a text")
    pairs, known = {}, set(byte_symbols())
    for i, pair in enumerate(merges):
        texts = isinstance(pair, list | tuple) and all(isinstance(part, str) for part in pair)
        if not texts or len(pair) != 2:
            raise TypeError(
                f"merges[{i}] is {short(pair)}; expected two symbols, such as ('t', 'h')."
            )
        left, right = pair
        if (left, right) in pairs or not known >= {left, right}:
            unknown = left if left not in known else right
            fault = "came before" if (left, right) in pairs else f"joins the unknown {unknown!r}"
            raise ValueError(
                f"merges[{i}] is {short((left, right))}, which {fault}; expected each pair once, "
                "of bytes or of what earlier merges made. Keep the order in which they were "
                "learned, and write a space as 'Ġ'."
            )
        known.add(left + right)
        pairs[left, right] = None
    return tuple(pairs)


def check_fit(symbols: tuple[str, ...], spelled: Collection[str]) -> None:
    """Refuse symbols that are not those of the bytes and merges, each once.

    Args:
        symbols: the symbol of every id; `<|endoftext|>` may be among them.
        spelled: the symbols of the bytes, and those that the merges make.

    Raises:
        ValueError: if one is missing, unknown, or there twice.

    Example:
        >>> check_fit(("th", "h", "t", "<|endoftext|>"), ["h", "t", "th"])
    """
    given, known = set(symbols), {*spelled, END}
    lacking = next((symbol for symbol in spelled if symbol not in given), None)
    strange = next((symbol for symbol in symbols if symbol not in known), None)
    if lacking is not None:
        fault = f"there is no id for {lacking!r}, which is a byte or what a merge makes"
    elif strange is not None:
        fault = f"{short(strange)} has an id, but no merge makes it"
    elif len(given) < len(symbols):
        fault = f"{len(symbols)} symbols are given, but some twice: {len(given)} differ"
    else:
        return
    raise ValueError(
        f"the vocabulary and the merges do not fit: {fault}. Expected a vocabulary of the 256 "
        f"bytes, the result of each merge, and at most {END}. Take both from one tokenizer, and "
        "check that no file was cut short."
    )
