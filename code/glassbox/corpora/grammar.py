"""Sentences with long-distance agreement, from a language of which every probability is known."""

import torch
from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import Corpus, divide, gather, seeded
from glassbox.corpora.grammar_language import Grammar

__all__ = ["Grammar", "grammar"]


def grammar(
    n_tokens: int = 200_000,
    context_length: int = 32,
    held_out: float = 0.1,
    seed: int = 0,
    relative: float = 0.4,
) -> Corpus:
    """Write down sentences of `Grammar(relative)`, for a GPT.

    Every row begins with an end token and a sentence of its own, so that nothing before it is
    missing, and is independent of the others. Therefore the exact floor of the loss, on average
    over such rows, is `Grammar(relative).floor(context_length)`. (Windows cut out of a long text
    hide how their first sentence began, and no model can be as good on them.)

    No row is in both parts. Short sentences do occur in both, as in any two texts of one language:
    both parts have the same distribution, which is what the floor is about.

    Args:
        n_tokens: number of targets in all; whole rows, so up to `context_length` − 1 fewer.
        context_length: tokens of a row that a model reads, from 16; shorter rows would repeat.
        held_out: share of the rows to hold out.
        seed: decides the text and the parts.
        relative: how likely a clause follows a noun that can have one.

    Returns:
        Pairs of inputs and targets, both of length `context_length`.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if the context is shorter than 16, or one of the parts would be empty.

    Example:
        >>> corpus = grammar(n_tokens=1_600, context_length=16)
        >>> len(corpus.train), len(corpus.held_out)
        (90, 10)
        >>> inputs, targets = corpus.train[0]
        >>> corpus.tokenizer.decode(inputs)
        '. the dog that sees the dog sees the cats. the bird sees the cat'
    """
    checks.positive(n_tokens=n_tokens, context_length=context_length)
    if context_length < 16:
        raise ValueError(
            f"context_length is {context_length}; expected 16 or more, because the same short rows "
            "would be needed for training and for holding out."
        )
    language = Grammar(relative)
    generator = seeded(seed)
    train, held = divide(n_tokens // context_length, held_out, generator)
    rows = language._draw(len(train) + len(held), context_length + 1, generator)
    while (known := _among(rows[train, :-1], rows[held, :-1])).any():
        rows[train[known]] = language._draw(int(known.sum()), context_length + 1, generator)
    return gather((rows[:, :-1], rows[:, 1:]), train, held, language.tokenizer)


def _among(rows: Tensor, others: Tensor) -> Tensor:
    """Return which of the rows also stand among the others."""
    numbers = torch.cat([rows, others]).unique(dim=0, return_inverse=True)[1]
    return torch.isin(numbers[: len(rows)], numbers[len(rows) :])
