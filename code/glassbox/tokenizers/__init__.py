"""From text to token ids and back: by characters, words, symbols, or pairs of bytes."""

from glassbox.tokenizers.adder import AdderTokenizer
from glassbox.tokenizers.base import Tokenizer
from glassbox.tokenizers.byte_pair import BytePairTokenizer
from glassbox.tokenizers.byte_pair_checks import END
from glassbox.tokenizers.characters import CharacterTokenizer
from glassbox.tokenizers.pieces import byte_symbols, split_pieces
from glassbox.tokenizers.registry import TOKENIZERS, build_tokenizer
from glassbox.tokenizers.words import WordTokenizer

__all__ = [
    "Tokenizer",
    "CharacterTokenizer",
    "WordTokenizer",
    "AdderTokenizer",
    "BytePairTokenizer",
    "byte_symbols",
    "split_pieces",
    "build_tokenizer",
    "END",
    "TOKENIZERS",
]
