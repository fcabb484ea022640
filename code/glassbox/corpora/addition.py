"""Sums of two numbers, written out: a language in which every answer is known."""

import torch
from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import IGNORED, Corpus, divide, gather, seeded
from glassbox.tokenizers import AdderTokenizer


def addition(
    digits: int = 2, held_out: float = 0.1, seed: int = 0, *, count_prompt: bool = False
) -> Corpus:
    r"""Write down every sum of two numbers, for a GPT: `49+13=062`.

    A row of two-digit sums has 11 tokens, the begin token and the end token among them; a model
    reads the first 10 and is asked for the last 10. The targets inside the prompt, up to the sign
    `=`, do not count: nobody can know which numbers come. a + b and b + a lie in the same part, or
    else the answers to half of the held-out sums would have been shown.

    A model that adds has a loss of 0. One that always gives the most frequent sum, all nines, is
    right once in $10^{\mathrm{digits}}$ cases. If the prompt counts too, its digits are drawn
    evenly, and cost a model that expects them so $2 \cdot \mathrm{digits} \cdot \ln 10 / T$ nats,
    on T tokens a row: 0.92 for two digits.

    Args:
        digits: digits of each number, 1 to 3; 10^(2·digits) rows in all.
        held_out: share of the pairs {a, b} to hold out.
        seed: decides which pairs, and the order of the rows.
        count_prompt: whether the targets inside the prompt count.

    Returns:
        Pairs of inputs and targets, both of length `3 * digits + 4`.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if there are more than 3 digits, or one of the parts would be empty.

    Source:
        Nogueira, Jiang and Lin (2021), "Investigating the Limitations of Transformers with Simple
        Arithmetic Tasks", https://doi.org/10.48550/arXiv.2102.13019

    Example:
        >>> corpus = addition()
        >>> len(corpus.train) + len(corpus.held_out)
        10000
        >>> inputs, targets = corpus.train[0]
        >>> inputs.shape, (targets == -100).sum().item()
        (torch.Size([10]), 6)
    """
    checks.positive(digits=digits)
    checks.flags(count_prompt=count_prompt)
    if digits > 3:
        raise ValueError(
            f"digits is {digits}, which makes {100**digits:,} rows; expected 1, 2 or 3."
        )
    generator = seeded(seed)
    numbers = torch.arange(10**digits)
    a, b = torch.cartesian_prod(numbers, numbers).T
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    pair = high * (high + 1) // 2 + low  # numbers the pairs {a, b}: 0, 1, 2, ...
    held = torch.zeros(int(pair.max()) + 1, dtype=torch.bool)
    held[divide(len(held), held_out, generator)[1]] = True
    order = torch.randperm(len(pair), generator=generator)
    is_held = held[pair[order]]
    tokenizer = AdderTokenizer()
    rows = _rows(a, b, digits, tokenizer)
    targets = rows[:, 1:].clone()
    if not count_prompt:
        targets[:, : 2 * digits + 2] = IGNORED
    return gather((rows[:, :-1], targets), order[~is_held], order[is_held], tokenizer)


def _rows(a: Tensor, b: Tensor, digits: int, tokenizer: AdderTokenizer) -> Tensor:
    """Return the tokens of each sum, one row a sum."""
    begin, plus, equals, end = (
        torch.full((len(a), 1), token)
        for token in (tokenizer.begin_id, *tokenizer.encode("+="), tokenizer.end_id)
    )
    written = [_digits(a, digits), _digits(b, digits), _digits(a + b, digits + 1)]
    return torch.cat([begin, written[0], plus, written[1], equals, written[2], end], dim=1)


def _digits(numbers: Tensor, width: int) -> Tensor:
    """Return the digits of each number, the highest first; a digit's token id is its value."""
    powers = 10 ** torch.arange(width - 1, -1, -1)
    return numbers[:, None] // powers % 10
