"""One id a word or punctuation mark, and one for all that is unknown."""

import re
from collections import Counter
from collections.abc import Iterable

from glassbox import checks
from glassbox.tokenizers.base import Tokenizer, check_list, check_text

UNKNOWN = "<unk>"
PIECE = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
NO_SPACE_BEFORE = frozenset(".,;:!?)]}")
NO_SPACE_AFTER = frozenset("([{")


class WordTokenizer(Tokenizer):
    r"""Spell a text word by word; what is not in the vocabulary becomes `<unk>`, and is lost.

    A word is a run of letters, digits and underscores, in its own case, with the apostrophes inside
    it. Every other character that is no space is a token of its own. `decode` puts one space
    between two tokens, but none before the marks `.,;:!?)]}` and none after `([{`, so known text
    comes back with its spaces and line breaks in that form. Ids come back exactly:
    `encode(decode(ids)) == ids` where `<unk>` is not among them.

    Args:
        words: every word and mark that has an id; the ids count from 1, in this order.

    Attributes:
        unknown_id: the id of `<unk>`, always 0.

    Raises:
        TypeError: if the words are no list of texts.
        ValueError: if one occurs twice, or is not exactly one word or mark.

    Source:
        Manning, Raghavan and Schütze (2008), "Introduction to Information Retrieval", section
        2.2.1, https://nlp.stanford.edu/IR-book/

    Example:
        >>> tokenizer = WordTokenizer.from_text("The cat sat. The dog ran.")
        >>> tokenizer.symbols
        ('<unk>', 'The', '.', 'cat', 'sat', 'dog', 'ran')
        >>> tokenizer.encode("The cow ran.")
        [1, 0, 6, 2]
        >>> tokenizer.decode([1, 0, 6, 2])
        'The <unk> ran.'
    """

    kind = "words"
    settings = ("words",)
    unknown_id = 0

    def __init__(self, words: Iterable[str]) -> None:
        """Number the words."""
        check_list("words", words, "['the', 'cat'], or call from_text to collect those of a text")
        self.words = tuple(words)
        for i, word in enumerate(self.words):
            check_text(f"words[{i}]", word)
            if PIECE.fullmatch(word) is None:
                raise ValueError(
                    f"words[{i}] is {word!r}; expected one word or one mark, with no space in it. "
                    "Cut it up, for no text would ever give this token."
                )
        self.symbols = (UNKNOWN, *self.words)
        self._ids = {word: i for i, word in enumerate(self.symbols)}
        if len(self._ids) < len(self.symbols):
            twice = next(word for word, n in Counter(self.words).items() if n > 1)
            raise ValueError(f"words holds {twice!r} more than once; expected each word once.")

    @classmethod
    def from_text(cls, text: str, max_words: int | None = None) -> "WordTokenizer":
        """Collect the words of a text, the most frequent first, and of equals the earlier one.

        Args:
            text: the text to be spelled.
            max_words: how many words and marks to keep, `<unk>` not counted; `None` for all.

        Returns:
            The tokenizer, of at most `max_words` + 1 ids.

        Raises:
            TypeError: if `text` is no text, or `max_words` no whole number.
            ValueError: if `max_words` is below 1.
        """
        check_text("text", text)
        if max_words is not None:
            checks.positive(max_words=max_words)
        return cls([word for word, _ in Counter(PIECE.findall(text)).most_common(max_words)])

    def encode(self, text: str) -> list[int]:
        """Return the id of each word and mark.

        Args:
            text: any text.

        Returns:
            The ids; 0 for each word that is not in the vocabulary.

        Raises:
            TypeError: if `text` is no text.
        """
        check_text("text", text)
        return [self._ids.get(word, self.unknown_id) for word in PIECE.findall(text)]

    def join(self, symbols: list[str]) -> str:
        """Return the text of a row of words and marks, with spaces where one usually writes them.

        Args:
            symbols: words and marks, in reading order.

        Returns:
            The text.
        """
        text, before = "", None
        for symbol in symbols:
            tight = before is None or symbol in NO_SPACE_BEFORE or before in NO_SPACE_AFTER
            text += symbol if tight else f" {symbol}"
            before = symbol
        return text
