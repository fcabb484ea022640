"""One id a character."""

from glassbox.tokenizers.base import Tokenizer, check_text


class CharacterTokenizer(Tokenizer):
    """Spell a text character by character.

    Args:
        alphabet: every character that has an id, in the order of the ids.

    Raises:
        TypeError: if the alphabet is no text.
        ValueError: if it is empty, or a character occurs in it twice.

    Source:
        Karpathy (2015), "The Unreasonable Effectiveness of Recurrent Neural Networks",
        https://karpathy.github.io/2015/05/21/rnn-effectiveness/

    Example:
        >>> tokenizer = CharacterTokenizer.from_text("to be or not to be")
        >>> tokenizer.alphabet, tokenizer.encode("bonbon")
        (' benort', [1, 4, 3, 1, 4, 3])
        >>> tokenizer.decode([1, 4, 3])
        'bon'
    """

    kind = "characters"
    settings = ("alphabet",)

    def __init__(self, alphabet: str) -> None:
        """Number the characters."""
        check_text("alphabet", alphabet)
        twice = next((c for c in alphabet if alphabet.count(c) > 1), None)
        if not alphabet or twice:
            problem = f"holds {twice!r} more than once" if twice else "is '', without a character"
            raise ValueError(
                f"alphabet {problem}; expected each character once. Collect those of a text with "
                "CharacterTokenizer.from_text(text)."
            )
        self.alphabet = alphabet
        self.symbols = tuple(alphabet)
        self._ids = {character: i for i, character in enumerate(alphabet)}

    @classmethod
    def from_text(cls, text: str) -> "CharacterTokenizer":
        """Collect the distinct characters of a text, sorted by code point.

        Args:
            text: the text to be spelled, all of it: training and held-out part.

        Returns:
            The tokenizer.

        Raises:
            TypeError: if `text` is no text.
            ValueError: if it is empty.
        """
        check_text("text", text)
        if not text:
            raise ValueError("text is ''; expected at least one character to collect.")
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> list[int]:
        """Return the id of each character.

        Args:
            text: text of the alphabet's characters.

        Returns:
            One id for each character.

        Raises:
            TypeError: if `text` is no text.
            ValueError: if a character is not in the alphabet.
        """
        check_text("text", text)
        try:
            return [self._ids[character] for character in text]
        except KeyError as missing:
            character = missing.args[0]
            raise ValueError(
                f"text holds {character!r} (U+{ord(character):04X}) at position "
                f"{text.index(character)}, which is not among the {self.vocab_size} characters of "
                "the alphabet. Leave it out, or build the tokenizer from all of the text: "
                "CharacterTokenizer.from_text(text)."
            ) from None
