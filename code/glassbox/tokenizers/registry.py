"""Every kind of tokenizer by the name that it is stored under."""

from glassbox import checks
from glassbox.tokenizers.adder import AdderTokenizer
from glassbox.tokenizers.base import Tokenizer, check_stored
from glassbox.tokenizers.byte_pair import BytePairTokenizer
from glassbox.tokenizers.characters import CharacterTokenizer
from glassbox.tokenizers.words import WordTokenizer

TOKENIZERS: dict[str, type[Tokenizer]] = {
    tokenizer.kind: tokenizer
    for tokenizer in (CharacterTokenizer, WordTokenizer, AdderTokenizer, BytePairTokenizer)
}
"""The kinds that `build_tokenizer` knows."""


def build_tokenizer(stored: dict) -> Tokenizer:
    """Build a tokenizer of any kind from what its `to_dict` returned.

    Args:
        stored: the description, before or after a trip through JSON.

    Returns:
        A tokenizer with the same ids.

    Raises:
        TypeError: if `stored` is no dictionary.
        ValueError: if the kind is unknown, or something is missing.

    Example:
        >>> build_tokenizer({"kind": "characters", "alphabet": "abc"}).encode("cab")
        [2, 0, 1]
    """
    check_stored(stored)
    checks.one_of("kind", stored.get("kind"), TOKENIZERS)
    return TOKENIZERS[stored["kind"]].from_dict(stored)
