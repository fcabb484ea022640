"""What every corpus consists of, and how one set of cases becomes two that share nothing."""

from collections.abc import Sequence
from numbers import Integral
from reprlib import repr as short
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from glassbox import checks
from glassbox.tokenizers import Tokenizer

IGNORED = -100
"""The target of a position that does not count, as in `torch.nn.functional.cross_entropy`."""


class Corpus(NamedTuple):
    """What a model is trained on, what it is judged by, and how to read both.

    An item of either part is a tuple of tensors of whole numbers. The last one holds the targets,
    −100 where none counts; those before it are what the model is called with: `(inputs, targets)`
    for a GPT, `(tokens, label)` for a classifier, `(source, target_in, targets)` for an encoder
    with a decoder.

    Args:
        train: the items to train on.
        held_out: the items that training never sees.
        tokenizer: from ids to text and back.

    Example:
        >>> items = TensorDataset(torch.tensor([[0, 1]]), torch.tensor([[1, 0]]))
        >>> train, held_out, tokenizer = Corpus(items, items, Tokenizer())
        >>> inputs, targets = train[0]
    """

    train: Dataset
    held_out: Dataset
    tokenizer: Tokenizer


def seeded(seed: int) -> torch.Generator:
    """Return a generator of random numbers of its own, so that PyTorch's stays as it is.

    Args:
        seed: whole number from 0; the same seed gives the same numbers.

    Returns:
        The generator, on the CPU.

    Raises:
        TypeError: if the seed is no whole number.
        ValueError: if it is negative, or above 2⁶³ − 1.

    Example:
        >>> torch.randint(10, (3,), generator=seeded(0)).tolist()
        [4, 9, 3]
    """
    known = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not known or not 0 <= seed < 2**63:
        raise (ValueError if known else TypeError)(
            f"seed is {short(seed)}; expected a whole number from 0 to 2**63 - 1, such as seed=0."
        )
    return torch.Generator().manual_seed(int(seed))


def divide(n: int, held_out: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Deal the cases 0 to n − 1 at random to the training and the held-out part.

    Args:
        n: number of cases.
        held_out: share of them to hold out, between 0 and 1.
        generator: where the randomness comes from.

    Returns:
        The cases to train on and the cases to hold out, each in random order.

    Raises:
        TypeError: if the share is no number.
        ValueError: if one of the parts would be empty.

    Example:
        >>> train, held_out = divide(10, 0.2, seeded(0))
        >>> len(train), len(held_out), sorted([*train.tolist(), *held_out.tolist()]) == [*range(10)]
        (8, 2, True)
    """
    checks.share(held_out=held_out)
    size = round(n * held_out)
    if not 0 < size < n:
        raise ValueError(
            f"held_out is {held_out:g} of {n} cases, which leaves {n - size} to train on and "
            f"{size} to hold out; expected at least one of each. Make more cases, or change "
            "held_out."
        )
    order = torch.randperm(n, generator=generator)
    return order[size:], order[:size]


def gather(
    columns: Sequence[Tensor], train: Tensor, held_out: Tensor, tokenizer: Tokenizer
) -> Corpus:
    """Put the rows of each part together.

    Args:
        columns: what an item consists of, targets last; each with one row a case.
        train: the rows to train on.
        held_out: the rows to hold out.
        tokenizer: from ids to text and back.

    Returns:
        The corpus.

    Example:
        >>> rows = torch.arange(12).view(4, 3)
        >>> columns = rows[:, :-1], rows[:, 1:]
        >>> corpus = gather(columns, torch.tensor([0, 1, 3]), torch.tensor([2]), Tokenizer())
        >>> corpus.held_out[0]
        (tensor([6, 7]), tensor([7, 8]))
    """
    parts = [TensorDataset(*(column[rows] for column in columns)) for rows in (train, held_out)]
    return Corpus(*parts, tokenizer)
