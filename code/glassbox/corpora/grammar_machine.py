"""From the rules of a grammar to a machine that reads it word by word, with exact probabilities."""

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

Rules = Mapping[str, Mapping[str, float]]
"""What each name can be written out as, words and names with spaces between, and how likely."""
Stack = tuple[str, ...]
"""What is still to come of a sentence, the next first."""
Belief = dict[Stack, float]
"""What may still come, given all that was read, with probabilities."""


def words_of(rules: Rules) -> list[str]:
    """Return the words of a grammar, all that is no name of a rule, in order of appearance.

    Args:
        rules: the grammar.

    Returns:
        The words.

    Example:
        >>> words_of({"sentence": {"hello": 0.5, "hello name": 0.5}, "name": {"world": 1.0}})
        ['hello', 'world']
    """
    symbols = (symbol for ways in rules.values() for way in ways for symbol in way.split())
    return list(dict.fromkeys(symbol for symbol in symbols if symbol not in rules))


def build_machine(rules: Rules, ids: Mapping[str, int], end: str) -> tuple[Tensor, Tensor]:
    r"""Return the machine that reads sentence after sentence, each closed by `end`.

    Its state is what a reader can know: the probability of every way in which the sentence may go
    on, given the words so far. State 0 is the start of a sentence. Reading a word sums over all
    derivations that agree with it, so the probabilities are exact, also for words that leave open
    which rule was used. The last state is the dead one, reached by a word that could not come.

    Args:
        rules: the grammar; the first rule is the sentence. The number of states must be finite:
            names may come back only as the last of their own rules.
        ids: the number of each word and of `end`.
        end: the word that closes a sentence.

    Returns:
        The probability of each next word, shape `(states, words)`, and the state after it, of the
        same shape.

    Source:
        Jelinek and Lafferty (1991), "Computation of the Probability of Initial Substring
        Generation by Stochastic Context-Free Grammars", https://aclanthology.org/J91-3004

    Example:
        >>> rules = {"sentence": {"ha sentence": 0.5, "ha": 0.5}}
        >>> build_machine(rules, {".": 0, "ha": 1}, end=".")[0]
        tensor([[0.0000, 1.0000],
                [0.5000, 0.5000],
                [0.0000, 0.0000]], dtype=torch.float64)
    """
    start = (next(iter(rules)),)
    beliefs = [{start: 1.0}]
    states = {_key(beliefs[0]): 0}
    edges = []
    for state, belief in enumerate(beliefs):  # the list grows while it is read
        for word, after in _read(belief, rules, start, end).items():
            probability = sum(after.values())
            after = {stack: p / probability for stack, p in after.items()}
            key = _key(after)
            if key not in states:
                states[key] = len(beliefs)
                beliefs.append(after)
            edges.append((state, ids[word], probability, states[key]))
    size = len(beliefs) + 1, max(ids.values()) + 1
    probabilities = torch.zeros(size, dtype=torch.float64)
    successors = torch.full(size, len(beliefs))
    for state, word, probability, successor in edges:
        probabilities[state, word] = probability
        successors[state, word] = successor
    return probabilities, successors


def _key(belief: Belief) -> tuple:
    """Return what equal beliefs have in common, whatever the rounding of their numbers."""
    return tuple(sorted((stack, round(p, 12)) for stack, p in belief.items()))


def _read(belief: Belief, rules: Rules, start: Stack, end: str) -> dict[str, Belief]:
    """Return every word that may come next, each with what may come after it; not normalized."""
    found: dict[str, Belief] = defaultdict(lambda: defaultdict(float))
    waiting = list(belief.items())
    while waiting:
        stack, p = waiting.pop()
        if not stack:
            found[end][start] += p
        elif stack[0] not in rules:
            found[stack[0]][stack[1:]] += p
        else:
            ways = rules[stack[0]].items()
            waiting += [((*way.split(), *stack[1:]), p * share) for way, share in ways if share]
    return found
