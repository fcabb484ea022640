"""Dates as people write them, and the one way in which computers do: a small translation task."""

from datetime import date

import torch

from glassbox import checks
from glassbox.corpora.corpus import Corpus, divide, gather, seeded
from glassbox.tokenizers import CharacterTokenizer

PAD, BEGIN, END = "_", "<", ">"
FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{mon} {day} {year}",
    "{weekday}, {month} {day}, {year}",
    "the {day}{th} of {month} {year}",
    "{day:02}.{number:02}.{year}",
    "{number}/{day}/{year}",
    "{year}/{number:02}/{day:02}",
    "{year} {mon} {day}, {weekday}",
)
"""How a day is written. No text fits two of them, with a dot the day comes before the month."""

_FIRST, _LAST = date(1900, 1, 1), date(2099, 12, 31)
_DAYS = _LAST.toordinal() - _FIRST.toordinal() + 1
_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def dates(n: int = 10_000, held_out: float = 0.1, seed: int = 0) -> Corpus:
    r"""Translate dates into ISO 8601, for an encoder with a decoder: `March 5, 2024`, `2024-03-05`.

    The days are different from each other, drawn evenly from 1900 to 2099, and each is written in
    one of the `FORMATS`. Every format can be read in one way only, so a model that reads has a
    loss of 0. A decoder that knows the calendar but not the source guesses one of 73,049 days with
    its 11 targets, and has a loss of $\ln(73{,}049) / 11 = 1.018$ nats.

    Args:
        n: number of days, up to 73,049.
        held_out: share of the days to hold out.
        seed: decides which days, formats and parts.

    Returns:
        Triples of `source`, padded with the id of `_` to one length for all; `target_in`, which
        begins with `<`; and `targets`, which end with `>`. The last two have 11 tokens each.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if there are not so many days, or one of the parts would be empty.

    Source:
        International Organization for Standardization, "ISO 8601-1:2019", section 5.2.2,
        https://www.iso.org/standard/70907.html

    Example:
        >>> corpus = dates(n=100)
        >>> source, target_in, targets = corpus.train[0]
        >>> len(source), len(target_in), len(targets)
        (29, 11, 11)
        >>> corpus.tokenizer.decode(source), corpus.tokenizer.decode(target_in)
        ('the 26th of September 1955___', '<1955-09-26')
    """
    checks.positive(n=n)
    if n > _DAYS:
        raise ValueError(
            f"n is {n:,}, but from 1900 to 2099 there are {_DAYS:,} days; expected at most as many."
        )
    generator = seeded(seed)
    train, held = divide(n, held_out, generator)
    ordinals = torch.randperm(_DAYS, generator=generator)[:n] + _FIRST.toordinal()
    days = [date.fromordinal(ordinal) for ordinal in ordinals.tolist()]
    formats = torch.randint(len(FORMATS), (n,), generator=generator).tolist()
    texts = [write(day, FORMATS[i]) for day, i in zip(days, formats, strict=True)]
    letters = "".join(sorted(set("the of" + "".join(_MONTHS + _WEEKDAYS) + "stndrdth")))
    tokenizer = CharacterTokenizer(PAD + BEGIN + END + ",-./0123456789" + letters)
    longest = max(len(write(date(2020, 9, 30), text)) for text in FORMATS)  # a Wednesday
    columns = (
        [text.ljust(longest, PAD) for text in texts],
        [BEGIN + day.isoformat() for day in days],
        [day.isoformat() + END for day in days],
    )
    ids = [torch.tensor(tokenizer.encode("".join(column))).view(n, -1) for column in columns]
    return gather(ids, train, held, tokenizer)


def write(day: date, text: str) -> str:
    """Return how a day is written.

    Args:
        day: the day.
        text: one of the `FORMATS`.

    Returns:
        The day in that format.

    Example:
        >>> write(date(2024, 3, 5), FORMATS[4])
        'the 5th of March 2024'
    """
    month = _MONTHS[day.month - 1]
    last = 0 if 10 < day.day < 14 else day.day % 10
    return text.format(
        day=day.day,
        th={1: "st", 2: "nd", 3: "rd"}.get(last, "th"),
        number=day.month,
        month=month,
        mon=month[:3],
        weekday=_WEEKDAYS[day.weekday()],
        year=day.year,
    )
