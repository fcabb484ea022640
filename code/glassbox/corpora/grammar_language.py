"""A small language with long-distance agreement, of which every probability is known."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import seeded
from glassbox.corpora.grammar_agreement import Agreement, draw_agreement
from glassbox.corpora.grammar_machine import build_machine, words_of
from glassbox.corpora.grammar_rules import END, agreement_rules
from glassbox.tokenizers import WordTokenizer


class Grammar:
    r"""A language of which every probability is known: `the dog that sees the cats sleeps .`

    Verbs agree with their noun, as in English. Between the first noun and its verb there may be any
    number of clauses that begin with 'that' and hold nouns and verbs of their own. A chain of
    clauses has no longest one, but to go on, a reader has to remember only the number of the first
    noun, of the nearest noun, and the place in the clause. So a finite machine can read it, and
    with its states s, stationary probabilities π and probabilities p of each next word w,

    $$h = -\sum_s \pi_s \sum_w p_{sw} \ln p_{sw}$$

    is the entropy of a token, and the floor of the loss of any model that has read the text from
    the start of a sentence. No model has a smaller expected loss on text that it has not seen.

    Args:
        relative: how likely a clause follows a noun that can have one.

    Attributes:
        rules: how each name is written out, with probabilities.
        tokenizer: words and ids; the end token is `.`.
        entropy_per_token: h in nats.

    Raises:
        TypeError: if `relative` is no number.
        ValueError: if it is negative, or 1 or more.

    Source:
        Linzen, Dupoux and Goldberg (2016), "Assessing the Ability of LSTMs to Learn
        Syntax-Sensitive Dependencies", https://doi.org/10.1162/tacl_a_00115; Shannon (1948), "A
        Mathematical Theory of Communication", section 7,
        https://doi.org/10.1002/j.1538-7305.1948.tb01338.x

    Example:
        >>> language = Grammar()
        >>> language.tokenizer.decode(language.sample(n=1, length=10, seed=1)[0])
        '. the birds run. the cats sleep. the'
        >>> round(language.entropy_per_token, 3)
        1.053
    """

    rules: Mapping[str, Mapping[str, float]]
    tokenizer: WordTokenizer
    entropy_per_token: float

    def __init__(self, relative: float = 0.4) -> None:
        """Build the machine that reads the language."""
        checks.share(relative=relative)
        self.rules = agreement_rules(relative)
        words = [END, *words_of(self.rules)]
        self.tokenizer = WordTokenizer(words)
        ids = dict(zip(words, self.tokenizer.encode(" ".join(words)), strict=True))
        self._probabilities, self._successors = build_machine(self.rules, ids, END)
        self._end = ids[END]
        # The dead state is last, and no text of the language leads there.
        p = self._probabilities[:-1]
        self._surprise = -torch.xlogy(p, p).sum(dim=1)
        self._moves = torch.zeros(len(p), len(p) + 1, dtype=p.dtype)
        self._moves = self._moves.scatter_add(1, self._successors[:-1], p)[:, :-1]
        self.entropy_per_token = float(self._stationary() @ self._surprise)

    def _stationary(self) -> Tensor:
        """Return how often a long text is in each state: the π with π = π P that sums to 1."""
        size = len(self._moves)
        equations = torch.eye(size, dtype=self._moves.dtype) - self._moves.T
        equations[-1] = 1  # the sum; one of the others follows from the rest
        right = torch.zeros(size, dtype=self._moves.dtype)
        right[-1] = 1
        return torch.linalg.solve(equations, right)

    def floor(self, context_length: int) -> float:
        r"""Return the smallest mean loss on rows that start with a sentence, as `grammar` has them.

        It differs from `entropy_per_token` by the first tokens of a row, which stand at the start
        of a sentence more often than others, and tends to it as rows get longer:
        $\frac{1}{T} H(w_1, \dots, w_T)$.

        Args:
            context_length: number of targets in a row, T.

        Returns:
            The floor in nats per token.

        Raises:
            TypeError: if `context_length` is no whole number.
            ValueError: if it is below 1.
        """
        checks.positive(context_length=context_length)
        state = torch.zeros(len(self._moves), dtype=self._moves.dtype)
        state[0] = 1
        total = 0.0
        for _ in range(context_length):
            total += float(state @ self._surprise)
            state = state @ self._moves
        return total / context_length

    def sample(self, n: int, length: int, seed: int = 0) -> Int[Tensor, "{n} {length}"]:
        """Draw rows of text, independent of each other.

        Args:
            n: number of rows.
            length: tokens in a row. The first is the end token, and a sentence follows; the last
                sentence is cut off where the row is full.
            seed: the same seed draws the same rows.

        Returns:
            Token ids, shape `(n, length)`.

        Raises:
            TypeError: if an argument is no whole number.
            ValueError: if a size is below 1, or the seed is negative.
        """
        checks.positive(n=n, length=length)
        return self._draw(n, length, seeded(seed))

    def _draw(self, n: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw rows of text."""
        rows = torch.full((n, length), self._end)
        state = torch.zeros(n, dtype=torch.long)
        for t in range(1, length):
            word = torch.multinomial(self._probabilities[state], 1, generator=generator)[:, 0]
            rows[:, t] = word
            state = self._successors[state, word]
        return rows

    def next_probabilities(
        self, tokens: Int[Tensor, "*batch seq"]
    ) -> Float[Tensor, "*batch seq vocab"]:
        """Return the true probability of each next token, after every token: what a GPT estimates.

        Args:
            tokens: text that begins with the end token and goes on with a sentence, shape `(T,)`
                or `(B, T)`.

        Returns:
            The probabilities in double precision, shape `(..., T, vocab_size)`. Those in row t are
            given the tokens 0 to t. From a token on that could not come, zeros.

        Raises:
            TypeError: if the ids are no whole numbers.
            ValueError: if one is out of range, or the first is not the end token.
        """
        self._check(tokens)
        state = torch.zeros(tokens.shape[:-1], dtype=torch.long)
        states = [state]
        for token in tokens.unbind(dim=-1)[1:]:
            state = self._successors[state, token]
            states.append(state)
        return self._probabilities[torch.stack(states, dim=-1)]

    def agreement(self, clauses: int, n: int = 200, seed: int = 0) -> Agreement:
        """Return cases that tell whether a model knows which noun a verb belongs to.

        Between the first noun and its verb stand `clauses` clauses, and the last noun before the
        verb has the other number. So a model that guesses is right half of the time, and one that
        looks at the nearest noun, never. Without clauses there is only one noun.

        Args:
            clauses: number of clauses in between, from 0; each has 4 tokens.
            n: number of cases.
            seed: the same seed draws the same cases.

        Returns:
            The cases, with prefixes of `3 + 4 * clauses` tokens.

        Raises:
            TypeError: if an argument is no whole number.
            ValueError: if `clauses` or the seed is negative, or `n` below 1.
        """
        return draw_agreement(self.rules, self.tokenizer, clauses, n, seed)

    def _check(self, tokens: Tensor) -> None:
        """Refuse what is no text that begins with a sentence."""
        checks.tensor("tokens", tokens)
        batch = tokens[None] if tokens.ndim == 1 else tokens
        checks.tokens("tokens", batch, self.tokenizer.vocab_size)
        if (batch[:, 0] != self._end).any():
            raise ValueError(
                f"tokens begins with the ids {batch[:3, 0].tolist()}; expected the end token, "
                f"{self._end}, in front of every row, so that a sentence follows. Add it, or take "
                "rows from sample or grammar."
            )
