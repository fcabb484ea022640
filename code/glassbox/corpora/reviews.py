"""Reviews in which 'not' decides: what they say depends on the order of their words."""

import numpy as np
import torch
from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import Corpus, divide, gather, seeded
from glassbox.tokenizers import WordTokenizer

PAD = "_"
THINGS = ["plot", "acting", "music", "dialogue", "ending", "camera"]
GOOD = ["brilliant", "funny", "moving", "clever", "beautiful", "gripping"]
BAD = ["boring", "dull", "clumsy", "silly", "awful", "tedious"]
SAID = (
    "the {thing} was {word}",
    "i found the {thing} {word}",
    "the {thing} was always {word}",
    "everybody called the {thing} {word}",
)
DENIED = (
    "the {thing} was not {word}",
    "the {thing} was never {word}",
    "i did not find the {thing} {word}",
    "nobody could call the {thing} {word}",
    "the {thing} was far from {word}",
)
OPENINGS = ("", "we saw it last night and", "to be honest", "it is a long film but")
_AXES = (
    *(len(OPENINGS), len(SAID), len(DENIED), 2),
    *(len(THINGS), len(THINGS) - 1, len(GOOD), len(BAD)),
)


def reviews(n: int = 10_000, held_out: float = 0.1, seed: int = 0) -> Corpus:
    """Tell good reviews from bad ones, for a classifier: `i did not find the plot boring and ...`.

    A review says one thing and denies another, and both speak for the same verdict: 1 for a good
    film, 0 for a bad one. It uses one word of praise and one of blame. Each review has a twin in
    the same part, in which these two have changed places, and which has the other label::

        the plot was not boring and i found the music brilliant      1
        the plot was not brilliant and i found the music boring      0

    So a model that sees the bag of words, in which order does not count, is right exactly half of
    the time, on the training part as well. One that reads 'not' with its word can always be right.

    Args:
        n: number of reviews, an even one.
        held_out: share of the twins to hold out.
        seed: decides which reviews, and their parts.

    Returns:
        Pairs of `tokens`, padded with the id of `_` to one length for all, and `label`, a
        number without axes.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if `n` is odd, there are not so many reviews, or a part would be empty.

    Source:
        Pang, Lee and Vaithyanathan (2002), "Thumbs up? Sentiment Classification using Machine
        Learning Techniques", section 6.1, https://doi.org/10.3115/1118693.1118704

    Example:
        >>> corpus = reviews(n=100)
        >>> tokens, label = corpus.train[0]
        >>> corpus.tokenizer.decode(tokens)  # doctest: +ELLIPSIS
        'we saw it last night and i did not find the camera beautiful and everybody called the ...
        >>> label.item()
        0
    """
    checks.positive(n=n)
    space = int(torch.tensor(_AXES).prod())
    if n % 2 or n > 2 * space:
        raise ValueError(
            f"n is {n:,}; expected an even number of reviews, because each has a twin, up to "
            f"{2 * space:,}. Take n={min(n + n % 2, 2 * space)}."
        )
    generator = seeded(seed)
    train, held = divide(n // 2, held_out, generator)
    drawn = torch.randperm(space, generator=generator)[: n // 2]
    choices = np.stack(np.unravel_index(drawn.numpy(), _AXES), axis=1).tolist()
    texts = [_review(choice, label) for choice in choices for label in (0, 1)]
    labels = torch.arange(2).repeat(n // 2)
    tokenizer = WordTokenizer([PAD, *_words()])
    tokens = _padded(texts, tokenizer)
    rows = [_twins(part, generator) for part in (train, held)]
    return gather((tokens, labels), *rows, tokenizer)


def _review(choice: list[int], label: int) -> str:
    """Return the text of a choice along every axis, for a good film (1) or a bad one (0)."""
    opening, said, denied, swap, thing, other, good, bad = choice
    things = THINGS[thing], (THINGS[:thing] + THINGS[thing + 1 :])[other]
    true, false = (GOOD[good], BAD[bad]) if label else (BAD[bad], GOOD[good])
    clauses = [
        SAID[said].format(thing=things[0], word=true),
        DENIED[denied].format(thing=things[1], word=false),
    ]
    return f"{OPENINGS[opening]} {' and '.join(clauses[::-1] if swap else clauses)}".strip()


def _words() -> list[str]:
    """Return every word of every review."""
    text = " ".join([*OPENINGS, *SAID, *DENIED]).format(thing="", word="and")  # 'and' joins them
    return sorted({*text.split(), *THINGS, *GOOD, *BAD})


def _padded(texts: list[str], tokenizer: WordTokenizer) -> Tensor:
    """Return the tokens of each review, all as long as the longest that there can be."""
    longest = sum(max(len(part.split()) for part in parts) for parts in (OPENINGS, SAID, DENIED))
    width = longest + len(["and"])
    rows = [" ".join([text, *[PAD] * (width - len(text.split()))]) for text in texts]
    return torch.tensor(tokenizer.encode(" ".join(rows))).view(-1, width)


def _twins(pairs: Tensor, generator: torch.Generator) -> Tensor:
    """Return the rows of both reviews of each pair, in random order."""
    rows = torch.cat([2 * pairs, 2 * pairs + 1])
    return rows[torch.randperm(len(rows), generator=generator)]
