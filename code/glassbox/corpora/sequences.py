"""Sequences of symbols without a meaning, for two things that attention does: look up and copy."""

from collections.abc import Callable
from math import perm
from string import ascii_letters, digits

import torch
from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import IGNORED, Corpus, divide, gather, seeded
from glassbox.tokenizers import CharacterTokenizer


def retrieval(
    n: int = 10_000,
    pairs: int = 8,
    keys: int = 26,
    values: int = 10,
    held_out: float = 0.1,
    seed: int = 0,
) -> Corpus:
    r"""List keys with their values, then ask for one, for a GPT: `k3f7a1f`, `7`.

    Keys are letters, all different within a list; values are digits, drawn evenly. Only the answer
    counts: the target after the last key, and every key of the list is asked for equally often. A
    model that looks up has a loss of 0, one that only knows the digits $\ln(\mathrm{values})$, and
    the value of some other pair is the right one in one case out of `values`.

    Args:
        n: number of lists.
        pairs: keys in a list, each with its value.
        keys: number of different keys, up to 52.
        values: number of different values, up to 10.
        held_out: share of the lists to hold out; no list is in both parts.
        seed: decides which lists, questions and parts.

    Returns:
        Pairs of inputs and targets, of length `2 * pairs + 1`. Ids of keys come first, 0 to
        `keys` − 1, then those of values.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if there are too few keys or lists, or one of the parts would be empty.

    Source:
        Ba et al. (2016), "Using Fast Weights to Attend to the Recent Past", section 4.1,
        https://doi.org/10.48550/arXiv.1610.06258; Arora et al. (2023), "Zoology",
        https://doi.org/10.48550/arXiv.2312.04927

    Example:
        >>> corpus = retrieval(n=100, pairs=3)
        >>> inputs, targets = corpus.train[0]
        >>> corpus.tokenizer.decode(inputs), corpus.tokenizer.decode(targets[-1:])
        ('w4m7j3m', '7')
    """
    checks.positive(n=n, pairs=pairs, keys=keys, values=values)
    if keys > len(ascii_letters) or values > len(digits) or pairs > keys:
        raise ValueError(
            f"pairs is {pairs}, keys {keys} and values {values}; expected at most 10 values, at "
            "most 52 keys, and as many pairs as keys or fewer, because no key is listed twice."
        )
    generator = seeded(seed)

    def draw(size: int) -> Tensor:
        """Return random lists."""
        listed = torch.rand(size, keys, generator=generator).argsort(dim=1)[:, :pairs]
        told = torch.randint(values, (size, pairs), generator=generator) + keys
        return torch.stack([listed, told], dim=2).flatten(1)

    lists = _distinct(draw, n, perm(keys, pairs) * values**pairs, generator)
    asked = torch.randint(pairs, (n, 1), generator=generator)
    inputs = torch.cat([lists, lists.gather(1, 2 * asked)], dim=1)
    targets = torch.full_like(inputs, IGNORED)
    targets[:, -1:] = lists.gather(1, 2 * asked + 1)
    tokenizer = CharacterTokenizer(ascii_letters[:keys] + digits[:values])
    return gather((inputs, targets), *divide(n, held_out, generator), tokenizer)


def induction(
    n: int = 10_000,
    length: int = 32,
    symbols: int = 20,
    periods: tuple[int, int] = (6, 11),
    held_out: float = 0.1,
    seed: int = 0,
) -> Corpus:
    r"""Repeat a random pattern over and over, for a GPT: `dkabfdkabfdka`.

    The symbols of a pattern are all different, and its length, the period, is random too. So the
    position does not tell what comes next, but the text does: find where the current symbol stood
    before, and copy the one behind it. A target counts from the second time that its input is
    read. These are determined, and a model that copies has a loss of 0; one that only knows the
    alphabet has $\ln(\mathrm{symbols})$. The targets before are left out: each is a symbol that was
    not read yet, any of them, or the first one again.

    Args:
        n: number of sequences.
        length: tokens of each that a model reads, T.
        symbols: number of different symbols, up to 52.
        periods: shortest and longest period; at most `symbols`, and less than `length`.
        held_out: share of the sequences to hold out; none is in both parts.
        seed: decides which sequences and parts.

    Returns:
        Pairs of inputs and targets, of length `length`.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if the sizes do not fit, there are too few sequences, or a part would be empty.

    Source:
        Olsson et al. (2022), "In-context Learning and Induction Heads",
        https://transformer-circuits.pub/2022/in-context-learning-and-induction-heads/

    Example:
        >>> corpus = induction(n=100, length=12, periods=(4, 5))
        >>> inputs, targets = corpus.train[0]
        >>> corpus.tokenizer.decode(inputs)
        'tpnrtpnrtpnr'
        >>> corpus.tokenizer.decode(targets[targets != -100])
        'pnrtpnrt'
    """
    checks.positive(n=n, length=length, symbols=symbols)
    shortest, longest = _checked(periods, length, symbols)
    generator = seeded(seed)

    def draw(size: int) -> Tensor:
        """Return random sequences, each with its period in front."""
        pattern = torch.rand(size, symbols, generator=generator).argsort(dim=1)
        period = torch.randint(shortest, longest + 1, (size, 1), generator=generator)
        return torch.cat([period, pattern.gather(1, torch.arange(length + 1) % period)], dim=1)

    space = sum(perm(symbols, period) for period in range(shortest, longest + 1))
    drawn = _distinct(draw, n, space, generator)
    period, rows = drawn[:, :1], drawn[:, 1:]
    again = torch.arange(length) >= period
    targets = rows[:, 1:].masked_fill(~again, IGNORED)
    tokenizer = CharacterTokenizer(ascii_letters[:symbols])
    return gather((rows[:, :-1], targets), *divide(n, held_out, generator), tokenizer)


def _checked(periods: tuple[int, int], length: int, symbols: int) -> tuple[int, int]:
    """Return the shortest and the longest period, or refuse what does not fit."""
    if not isinstance(periods, tuple | list) or len(periods) != 2:
        raise TypeError(f"periods is {periods!r}; expected the shortest and the longest: (6, 11).")
    shortest, longest = periods
    checks.positive(shortest_period=shortest, longest_period=longest)
    if symbols > len(ascii_letters) or not shortest <= longest <= min(symbols, length - 1):
        raise ValueError(
            f"periods is {periods}, length {length} and symbols {symbols}; expected the shorter "
            "period first, the longer one at most as large as symbols and less than length, and "
            "at most 52 symbols."
        )
    return shortest, longest


def _distinct(
    draw: Callable[[int], Tensor], n: int, space: int, generator: torch.Generator
) -> Tensor:
    """Return n rows that all differ, of a space of so many, in random order."""
    if 2 * n > space:
        raise ValueError(
            f"n is {n:,}, but there are only {space:,} different ones; expected at most half as "
            "many. Take fewer, or a larger task."
        )
    rows = draw(n).unique(dim=0)
    while len(rows) < n:
        rows = torch.cat([rows, draw(n)]).unique(dim=0)
    return rows[torch.randperm(len(rows), generator=generator)[:n]]
