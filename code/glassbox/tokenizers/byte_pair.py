r"""Byte-pair encoding: frequent pairs of symbols become symbols, starting from the 256 bytes.

A text is cut into pieces, roughly words with the space before them. The bytes of a piece are its
first symbols. Training joins the most frequent pair of neighbors everywhere, again and again, and
notes the order. Encoding does the same joins in the same order to a new text.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from os import PathLike

from glassbox import checks
from glassbox.tokenizers.base import Tokenizer, check_list, check_text
from glassbox.tokenizers.byte_pair_checks import END, check_fit, checked_merges
from glassbox.tokenizers.gpt2_files import read_files, write_files
from glassbox.tokenizers.pieces import byte_symbols, spell_bytes, split_pieces

Pair = tuple[str, str]


class BytePairTokenizer(Tokenizer):
    """Spell a text with the bytes and the frequent pieces that were learned from another text.

    Whatever Unicode text comes back unchanged from `decode(encode(text))`.

    Args:
        merges: the pairs to join, the first learned first, written with `byte_symbols`.
        symbols: the symbol of every id. Left out, ids 0 to 255 are the bytes, in the order of
            their symbols, and then each merge gets the next id, as in GPT-2.

    Attributes:
        end_id: the id of `<|endoftext|>`, or `None` where `symbols` has no such entry.

    Raises:
        TypeError: if merges or symbols are no lists of text.
        ValueError: if a merge joins what does not exist, or symbols and merges do not fit.

    Source:
        Sennrich, Haddow and Birch (2016), "Neural Machine Translation of Rare Words with Subword
        Units", algorithm 1, https://doi.org/10.18653/v1/P16-1162; Radford et al. (2019),
        "Language Models are Unsupervised Multitask Learners", section 2.2

    Example:
        >>> tokenizer = BytePairTokenizer.train("low low low lower lowest", vocab_size=259)
        >>> tokenizer.merges
        (('l', 'o'), ('lo', 'w'), ('Ġ', 'low'))
        >>> [tokenizer.symbols[i] for i in tokenizer.encode("low slow lower")]
        ['low', 'Ġ', 's', 'low', 'Ġlow', 'e', 'r']
    """

    kind = "byte pairs"
    settings = ("merges", "symbols")

    def __init__(
        self, merges: Sequence[Sequence[str]], symbols: Sequence[str] | None = None
    ) -> None:
        """Number the symbols and rank the merges."""
        self.merges = checked_merges(merges)
        spelled = dict.fromkeys([*sorted(byte_symbols()), *map("".join, self.merges)])
        symbols = spelled if symbols is None else symbols
        check_list("symbols", symbols, "that of another byte-pair tokenizer")
        self.symbols = tuple(symbols)
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        check_fit(self.symbols, spelled)
        self.end_id: int | None = self._ids.get(END)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._known: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, vocab_size: int) -> "BytePairTokenizer":
        """Learn the merges from a text.

        Of pairs that are equally frequent, the one with the smaller ids is joined first.

        Args:
            text: the text to learn from.
            vocab_size: how many ids to reach, at least 256. There are fewer where the text is so
                short that no pair is left that occurs twice.

        Returns:
            The tokenizer.

        Raises:
            TypeError: if `text` is no text, or `vocab_size` no whole number.
            ValueError: if `vocab_size` is below 256, or the text holds half a character.
        """
        check_text("text", text)
        checks.positive(vocab_size=vocab_size)
        if vocab_size < 256:
            raise ValueError(
                f"vocab_size is {vocab_size}, but the 256 bytes come first; expected 256 or more, "
                "such as 512."
            )
        return cls(_learn(Counter(split_pieces(text)), vocab_size))

    @classmethod
    def from_gpt2(cls, folder: str | PathLike) -> "BytePairTokenizer":
        """Read the files in which GPT-2's tokenizer is published.

        Args:
            folder: where `vocab.json` and `merges.txt` lie, or `tokenizer.json`.

        Returns:
            The tokenizer, with the ids of the files.

        Raises:
            FileNotFoundError: if the files are not there.
            ValueError: if they cannot be read, do not fit together, or are of another kind.
        """
        return cls(*read_files(folder))

    def save(self, folder: str | PathLike) -> None:
        """Write `vocab.json` and `merges.txt`, which other libraries read as GPT-2's.

        Args:
            folder: where to write; it is made where it does not exist.
        """
        write_files(folder, self.merges, self.symbols)

    def encode(self, text: str, *, parse_end: bool = False) -> list[int]:
        """Return the ids that spell a text.

        Args:
            text: any text.
            parse_end: whether `<|endoftext|>` in the text means `end_id`. Otherwise it is spelled
                like all else, so that no text of a stranger can end a document.

        Returns:
            The ids.

        Raises:
            TypeError: if `text` is no text, or `parse_end` neither True nor False.
            ValueError: if the text holds half a character, or there is no `end_id` to parse.
        """
        check_text("text", text)
        checks.flags(parse_end=parse_end)
        if not parse_end:
            return [i for piece in split_pieces(text) for i in self._spelled(piece)]
        if self.end_id is None:
            raise ValueError(
                f"parse_end is True, but this tokenizer has no {END}. Build it with one: "
                "BytePairTokenizer(old.merges, [*old.symbols, END])."
            )
        first, *others = map(self.encode, text.split(END))
        return first + [i for ids in others for i in (self.end_id, *ids)]

    def _spelled(self, piece: str) -> list[int]:
        """Return the ids of one piece: join the pair that was learned first, until there is none.

        A piece that was seen before is looked up, for most words of a text are repeated.
        """
        if piece not in self._known:
            word = spell_bytes(piece)
            while len(word) > 1:
                pair = min(pairwise(word), key=lambda pair: self._ranks.get(pair, inf))
                if pair not in self._ranks:
                    break
                word = _joined(word, pair, "".join(pair))
            self._known[piece] = [self._ids[symbol] for symbol in word]
        return self._known[piece]

    def join(self, symbols: list[str]) -> str:
        """Return the text of a row of symbols.

        Args:
            symbols: some of `self.symbols`, in reading order.

        Returns:
            The text, with `�` where bytes form no whole character.
        """
        byte_of = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
        return bytes(byte_of[c] for c in "".join(symbols)).decode(errors="replace")


def _joined(word: list, pair: tuple, new: object) -> list:
    """Return a word in which each occurrence of a pair, from the left, is one new symbol."""
    joined, i = [], 0
    while i < len(word):
        found = i + 1 < len(word) and (word[i], word[i + 1]) == pair
        joined.append(new if found else word[i])
        i += 1 + found
    return joined


def _learn(pieces: Counter[str], vocab_size: int) -> list[Pair]:
    """Return the merges learned from pieces and how often each occurs.

    Only words that hold the joined pair are counted anew. The queue may hold counts that have
    fallen since: such a pair is put back with its count of now.
    """
    symbols = sorted(byte_symbols())
    ids = {symbol: i for i, symbol in enumerate(symbols)}
    words = [[ids[symbol] for symbol in spell_bytes(piece)] for piece in pieces]
    times = list(pieces.values())
    counts, places, merges = Counter(), defaultdict(set), []
    for place, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += times[place]
            places[pair].add(place)
    queue = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(queue)
    while queue and len(symbols) < vocab_size:
        count, pair = heapq.heappop(queue)
        if counts[pair] != -count:
            heapq.heappush(queue, (-counts[pair], pair))
            continue
        if -count < 2:
            break
        merges.append((symbols[pair[0]], symbols[pair[1]]))
        new = len(symbols)
        symbols.append("".join(merges[-1]))
        born = set()
        for place in places.pop(pair):
            old, words[place] = words[place], _joined(words[place], pair, new)
            for gone in pairwise(old):
                counts[gone] -= times[place]
            for there in pairwise(words[place]):
                counts[there] += times[place]
                if new in there:
                    places[there].add(place)
                    born.add(there)
        for fresh in born:
            heapq.heappush(queue, (-counts[fresh], fresh))
    return merges
