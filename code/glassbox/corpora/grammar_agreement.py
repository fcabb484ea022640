"""Cases that tell whether a model knows which noun a verb belongs to."""

from collections.abc import Mapping
from numbers import Integral
from reprlib import repr as short
from typing import NamedTuple

import torch
from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import seeded
from glassbox.corpora.grammar_rules import END, NUMBERS
from glassbox.tokenizers import WordTokenizer


class Agreement(NamedTuple):
    """Sentences cut off before their verb, which must agree with the first noun, not the last.

    Args:
        prefix: token ids up to the last noun, shape `(batch, seq)`; they begin with the end token.
        correct: id of the verb in the number of the first noun, shape `(batch,)`.
        wrong: id of the same verb in the other number, shape `(batch,)`.
        distance: number of tokens between the first noun and the verb.

    Example:
        >>> from glassbox.corpora.grammar_language import Grammar
        >>> cases = Grammar().agreement(clauses=2, n=5)
        >>> cases.prefix.shape, cases.distance
        (torch.Size([5, 11]), 8)
    """

    prefix: Tensor
    correct: Tensor
    wrong: Tensor
    distance: int


def draw_agreement(
    rules: Mapping[str, Mapping[str, float]],
    tokenizer: WordTokenizer,
    clauses: int,
    n: int,
    seed: int,
) -> Agreement:
    """Draw the cases of `Grammar.agreement`.

    Args:
        rules: the rules of the language, which know the words of each kind and number.
        tokenizer: words and ids.
        clauses: number of clauses between the first noun and its verb, from 0.
        n: number of cases.
        seed: the same seed draws the same cases.

    Returns:
        The cases.

    Raises:
        TypeError: if an argument is no whole number.
        ValueError: if `clauses` or the seed is negative, or `n` below 1.

    Example:
        >>> from glassbox.corpora.grammar_language import Grammar
        >>> language = Grammar()
        >>> draw_agreement(language.rules, language.tokenizer, clauses=1, n=5, seed=0).distance
        4
    """
    checks.positive(n=n)
    whole = isinstance(clauses, Integral) and not isinstance(clauses, bool)
    if not whole or clauses < 0:
        raise (ValueError if whole else TypeError)(
            f"clauses is {short(clauses)}; expected a whole number from 0, where 0 puts the verb "
            "right behind its noun."
        )
    generator = seeded(seed)
    number = torch.randint(2, (n, clauses + 1), generator=generator)  # of each noun
    if clauses:
        number[:, -1] = 1 - number[:, 0]

    def table(kind: str) -> Tensor:
        """Return the ids of a kind of word, one row a number."""
        words = [" ".join(rules[f"{name}_{kind}"]) for name in NUMBERS]
        return torch.tensor([tokenizer.encode(line) for line in words])

    def some(kind: str, number: Tensor) -> Tensor:
        """Return a random word of a kind in each number."""
        ids = table(kind)
        return ids[number, torch.randint(ids.shape[1], (n,), generator=generator)]

    end, the, that = torch.tensor(tokenizer.encode(f"{END} the that")).repeat(n, 1).T
    columns = [end, the, some("noun", number[:, 0])]
    for i in range(clauses):
        columns += [that, some("transitive", number[:, i]), the, some("noun", number[:, i + 1])]
    verbs = table("intransitive")
    which = torch.randint(verbs.shape[1], (n,), generator=generator)
    first = number[:, 0]
    return Agreement(
        prefix=torch.stack(columns, dim=1),
        correct=verbs[first, which],
        wrong=verbs[1 - first, which],
        distance=4 * clauses,
    )
