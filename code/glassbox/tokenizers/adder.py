"""The symbols of arithmetic: digits, signs, and four that are no characters."""

from typing import ClassVar

from glassbox import checks
from glassbox.tokenizers.base import Tokenizer, check_text


class AdderTokenizer(Tokenizer):
    """Spell a problem such as `49+13=062`: each digit is its own id, and so is each sign.

    Attributes:
        end_id: 14, closes a problem.
        begin_id: 15, opens a problem.
        pad_id: 16, fills a shorter row of a batch.
        unknown_id: 17, stands for every other character.

    Example:
        >>> tokenizer = AdderTokenizer()
        >>> tokenizer.encode("49+13=062", begin=True, end=True)
        [15, 4, 9, 10, 1, 3, 13, 0, 6, 2, 14]
        >>> tokenizer.decode([15, 4, 9, 10, 1, 3, 13, 0, 6, 2, 14])
        '49+13=062'
    """

    kind = "adder"
    symbols = (*"0123456789+*-=", "<end>", "<begin>", "<pad>", "<unk>")
    end_id: ClassVar[int] = 14
    begin_id: ClassVar[int] = 15
    pad_id: ClassVar[int] = 16
    unknown_id: ClassVar[int] = 17

    def encode(self, text: str, *, begin: bool = False, end: bool = False) -> list[int]:
        """Return the id of each digit and sign.

        Args:
            text: a problem, without spaces.
            begin: whether to open it with `begin_id`.
            end: whether to close it with `end_id`.

        Returns:
            One id for each character, `unknown_id` where it is no digit and no sign, and those
            that were asked for at the ends.

        Raises:
            TypeError: if `text` is no text, or a switch neither True nor False.
        """
        check_text("text", text)
        checks.flags(begin=begin, end=end)
        signs = self.symbols[: self.end_id]
        ids = [signs.index(c) if c in signs else self.unknown_id for c in text]
        return [self.begin_id] * begin + ids + [self.end_id] * end

    def join(self, symbols: list[str]) -> str:
        """Return the problem without begin, end and padding.

        Args:
            symbols: digits, signs and names of special symbols, in reading order.

        Returns:
            The text; `<unk>` where a character was unknown.
        """
        silent = {self.symbols[i] for i in (self.begin_id, self.end_id, self.pad_id)}
        return "".join(symbol for symbol in symbols if symbol not in silent)
