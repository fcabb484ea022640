"""What every tokenizer can do: text to ids, ids to text, and be stored."""

from collections.abc import Iterable
from numbers import Integral
from reprlib import repr as short
from typing import ClassVar

import torch
from torch import Tensor


class Tokenizer:
    """A fixed list of symbols, and a way to spell any text with their numbers.

    A subclass names its `kind`, sets `symbols`, and says how a text is cut into ids (`encode`). How
    the symbols are put together again it says where joining them is not enough (`join`).

    Attributes:
        kind: the name under which it is stored.
        settings: the arguments that it is built from; each is kept under its own name.
        symbols: the symbol of every id, in the order of the ids.

    Example:
        >>> class Letters(Tokenizer):  # a tokenizer of your own
        ...     kind, symbols = "letters", ("a", "b", "c")
        ...     def encode(self, text):
        ...         return [self.symbols.index(letter) for letter in text]
        >>> Letters().decode(Letters().encode("cab")), Letters().vocab_size
        ('cab', 3)
    """

    kind: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()
    symbols: tuple[str, ...]

    @property
    def vocab_size(self) -> int:
        """How many ids there are; they run from 0 to `vocab_size` − 1."""
        return len(self.symbols)

    def encode(self, text: str) -> list[int]:
        """Return the ids that spell a text.

        Args:
            text: any text.

        Returns:
            The ids, in reading order; none for the empty text.

        Raises:
            TypeError: if `text` is no text.
            ValueError: if there is no id for a part of it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no method encode; a tokenizer is expected to write its own."
        )

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """Return the text that ids spell.

        Args:
            ids: token ids of one sequence: a list, or a tensor of shape `(T,)`.

        Returns:
            The text.

        Raises:
            TypeError: if these are no whole numbers.
            ValueError: if an id is out of range, or a tensor holds more than one sequence.
        """
        return self.join([self.symbols[i] for i in self._checked(ids)])

    def join(self, symbols: list[str]) -> str:
        """Return the text of a row of symbols: one after the other, unless overridden.

        Args:
            symbols: some of `self.symbols`, in reading order.

        Returns:
            The text.
        """
        return "".join(symbols)

    def to_dict(self) -> dict:
        """Return all that is needed to build this tokenizer again, fit for JSON."""
        stored = {name: getattr(self, name) for name in self.settings}
        lists = {name: list(value) for name, value in stored.items() if isinstance(value, tuple)}
        return {"kind": self.kind} | stored | lists

    @classmethod
    def from_dict(cls, stored: dict) -> "Tokenizer":
        """Build the tokenizer that `to_dict` described.

        Args:
            stored: what `to_dict` returned, before or after a trip through JSON.

        Returns:
            A tokenizer with the same ids.

        Raises:
            TypeError: if `stored` is no dictionary.
            ValueError: if it describes another kind, or something is missing.
        """
        check_stored(stored)
        if stored.get("kind") != cls.kind:
            raise ValueError(
                f"stored describes a tokenizer of the kind {short(stored.get('kind'))}; expected "
                f"{cls.kind!r}. For every kind there is build_tokenizer(stored)."
            )
        missing = [name for name in cls.settings if name not in stored]
        if missing:
            raise ValueError(
                f"stored describes a tokenizer of the kind {cls.kind!r}, but has no "
                f"{missing[0]!r}; expected what to_dict() returns."
            )
        return cls(*[stored[name] for name in cls.settings])

    def __repr__(self) -> str:
        """Say what it is and how many ids it has."""
        return f"<{type(self).__name__}: {self.vocab_size} ids>"

    def _checked(self, ids: Iterable[int] | Tensor) -> list[int]:
        """Return ids as a list, or refuse what does not spell one text."""
        if isinstance(ids, Tensor):
            _check_row(ids)
            ids = ids.tolist()
        if isinstance(ids, str | bytes | dict) or not isinstance(ids, Iterable):
            raise TypeError(
                f"ids is {shown(ids)}; expected token ids, such as [3, 7]. Text goes into encode."
            )
        listed = list(ids)
        for i in listed:
            if isinstance(i, bool) or not isinstance(i, Integral):
                raise TypeError(
                    f"ids holds an entry of type {type(i).__name__}; expected whole numbers. Give "
                    "one sequence of them, such as a list of int or a tensor of shape (tokens,)."
                )
            if not 0 <= i < self.vocab_size:
                raise ValueError(
                    f"ids holds {i}, but this tokenizer has {self.vocab_size} ids, which run from "
                    f"0 to {self.vocab_size - 1}. Were the ids made by another tokenizer?"
                )
        return listed


def _check_row(ids: Tensor) -> None:
    """Refuse a tensor that is not one row of whole numbers."""
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise TypeError(
            f"ids holds {ids.dtype}; expected token ids, torch.int64. Take the likeliest token "
            "of logits with logits.argmax(-1)."
        )
    if ids.ndim != 1:
        fix = "Decode one at a time, such as ids[0]." if ids.ndim else "Write ids.unsqueeze(0)."
        raise ValueError(
            f"ids has shape {tuple(ids.shape)}; expected (tokens,), one sequence. {fix}"
        )


def shown(given: object) -> str:
    """Return how a message names what was given.

    Args:
        given: anything.

    Returns:
        Its value, cut short, and its type where that is not plain.

    Example:
        >>> shown(7), shown(None)
        ('7, of type int', 'None')
    """
    return "None" if given is None else f"{short(given)}, of type {type(given).__name__}"


def check_text(name: str, text: str) -> None:
    """Refuse what is no text.

    Args:
        name: what the argument is called.
        text: what was given.

    Raises:
        TypeError: if it is no text.

    Example:
        >>> check_text("text", "To be")
    """
    if not isinstance(text, str):
        fix = " Read bytes as text with data.decode()." if isinstance(text, bytes) else ""
        fix = " Join a list of texts first." if isinstance(text, list | tuple) else fix
        raise TypeError(f"{name} is {shown(text)}; expected text, such as 'To be'.{fix}")


def check_list(name: str, given: Iterable, example: str) -> None:
    """Refuse what is no list, and one text where a list of them is meant.

    Args:
        name: what the argument is called.
        given: what was given.
        example: a list that fits, as one writes it.

    Raises:
        TypeError: if it is no list.

    Example:
        >>> check_list("words", ["the", "cat"], example="['the', 'cat']")
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"{name} is {shown(given)}; expected a list, such as {example}.")


def check_stored(stored: dict) -> None:
    """Refuse what cannot be the description of a tokenizer.

    Args:
        stored: what was given.

    Raises:
        TypeError: if it is no dictionary.

    Example:
        >>> check_stored({"kind": "characters", "alphabet": "ab"})
    """
    if not isinstance(stored, dict):
        raise TypeError(
            f"stored is {shown(stored)}; expected the dictionary that to_dict() of a tokenizer "
            "returns. Read JSON with json.loads first."
        )
