"""The grammar: its probabilities, its entropy and its floor are exact."""

from itertools import product
from math import exp, log

import pytest
import torch

from glassbox.corpora.grammar import Grammar, grammar
from glassbox.corpora.grammar_machine import build_machine, words_of

RELATIVES = [0.0, 0.25, 0.4, 0.8]
relatives = pytest.mark.parametrize("relative", RELATIVES)


def surprise(language, rows):
    """How surprising each token after the first is to one who knows the language, in nats."""
    p = language.next_probabilities(rows[:, :-1]).gather(-1, rows[:, 1:, None])
    return -p.squeeze(-1).log()


def within(measured, expected, errors=4):
    """Whether the mean of independent numbers is as expected, up to some standard errors."""
    error = measured.std() / len(measured) ** 0.5
    return abs(measured.mean() - expected) < errors * error


def by_derivations(rules):
    """Entropy per token from the rules: of a derivation, over its expected number of words."""
    names = list(rules)
    size = len(names)
    uses, words, choice = torch.zeros(size, size), torch.zeros(size), torch.zeros(size)
    for i, name in enumerate(names):
        for way, p in rules[name].items():
            if p:
                choice[i] -= p * log(p)
            for symbol in way.split():
                if symbol in rules:
                    uses[i, names.index(symbol)] += p
                else:
                    words[i] += p
    solve = torch.linalg.inv(torch.eye(size).double() - uses.double())
    return ((solve @ choice.double())[0] / ((solve @ words.double())[0] + 1)).item()


@relatives
def test_the_machine_and_the_rules_have_the_same_entropy(relative):
    language = Grammar(relative)
    assert language.entropy_per_token == pytest.approx(by_derivations(language.rules), abs=1e-6)


@relatives
def test_sampled_text_is_as_surprising_as_the_floor_says(relative):
    language = Grammar(relative)
    rows = language.sample(n=640, length=33, seed=1)
    assert within(surprise(language, rows).mean(dim=1), language.floor(32))


def test_long_texts_are_as_surprising_as_the_entropy_says():
    language = Grammar()
    measured = surprise(language, language.sample(n=40, length=501, seed=2)).mean(dim=1)
    assert within(measured, language.entropy_per_token)
    assert not within(measured, 0.95 * language.entropy_per_token)


def test_the_floor_starts_at_the_first_noun_and_ends_at_the_entropy():
    language = Grammar()
    nouns = -sum(0.5 * p * log(0.5 * p) for p in (0.4, 0.3, 0.2, 0.1)) * 2
    assert language.floor(1) == 0  # every sentence begins with 'the'
    assert 2 * language.floor(2) == pytest.approx(nouns)
    gap = [n * (language.floor(n) - language.entropy_per_token) for n in (3_000, 6_000)]
    assert gap[0] == pytest.approx(gap[1], abs=1e-6)  # constant, so that it vanishes on average


@pytest.mark.parametrize(
    ("sentence", "probability"),
    [
        ("the dog sleeps", 0.5 * 0.4 * 0.6 * (0.6 * 0.5)),
        ("the horses sing", 0.5 * 0.1 * 0.6 * (0.6 * 0.2)),
        ("the cat likes the birds", 0.5 * 0.3 * 0.6 * (0.4 * 0.2) * (0.5 * 0.2)),
        (
            "the dog that the cats see runs",
            (0.5 * 0.4) * (0.4 * 0.25) * (0.5 * 0.3 * 0.5) * (0.6 * 0.3),
        ),
        (
            "the dogs that chase the cat that likes the bird sleep",
            (0.5 * 0.4) * (0.4 * 0.75 * 0.3) * (0.5 * 0.3) * (0.4 * 0.75 * 0.2) * (0.5 * 0.2)
            # the verb of the sentence agrees with the dogs
            * 0.6 * (0.6 * 0.5),
        ),
        ("the dog sleep", 0),
        ("the dogs that chases the cat sleep", 0),
        ("the dogs that chase the cat sleeps", 0),
        ("the dog that the cats sees runs", 0),
        ("the dog", 0),
        ("sleeps", 0),
    ],
)  # fmt: skip
def test_the_probability_of_a_sentence_is_that_of_its_choices(sentence, probability):
    language = Grammar(relative=0.4)
    row = torch.tensor([language.tokenizer.encode(f". {sentence} .")])
    assert surprise(language, row).sum().neg().exp().item() == pytest.approx(probability)


def written_out(symbol, rules):
    """Every text that a symbol of a finite grammar can become, once for each derivation."""
    if symbol not in rules:
        return [((symbol,), 1.0)]
    found = []
    for way, share in rules[symbol].items():
        for parts in product(*(written_out(part, rules) for part in way.split())):
            probability = share
            for _, p in parts:
                probability *= p
            found.append((sum((words for words, _ in parts), ()), probability))
    return found


FINITE = {
    "ambiguous": {
        "s": {"a b": 0.3, "x c": 0.7},
        "x": {"a": 0.6, "a b": 0.1, "y y": 0.3},
        "y": {"a": 0.5, "b": 0.25, "c": 0.25},
    },
    "late": {
        "s": {"one a a a x": 0.4, "two a a a y": 0.6},
        "one": {"b": 0.5, "c": 0.5},
        "two": {"b": 0.9, "d": 0.1},
    },
    "words-of-two-kinds": {"s": {"x x": 0.5, "x": 0.5}, "x": {"a": 0.2, "x2": 0.8}, "x2": {"a": 1}},
}


@pytest.mark.parametrize("rules", FINITE.values(), ids=FINITE)
def test_next_probabilities_sum_over_all_derivations(rules):
    words = [".", *words_of(rules)]
    probabilities, successors = build_machine(rules, {w: i for i, w in enumerate(words)}, ".")
    sentences = [((*text, "."), p) for text, p in written_out("s", rules)]
    prefixes = {text[:i] for text, _ in sentences for i in range(len(text))}
    assert len(prefixes) > 2
    for prefix in prefixes:
        state = 0
        for word in prefix:
            state = successors[state, words.index(word)].item()
        total = sum(p for text, p in sentences if text[: len(prefix)] == prefix)
        for word, probability in zip(words, probabilities[state].tolist(), strict=True):
            longer = (*prefix, word)
            going_on = sum(p for text, p in sentences if text[: len(longer)] == longer)
            assert probability == pytest.approx(going_on / total)


def test_after_a_sentence_the_next_one_begins():
    language = Grammar()
    row = torch.tensor(language.tokenizer.encode(". the dog sees the cat . the birds sing ."))
    p = language.next_probabilities(row)
    ends = row == language.tokenizer.encode(".")[0]
    assert ends.sum() == 3
    assert all(torch.equal(at_end, p[0]) for at_end in p[ends])


def test_probabilities_sum_to_one_until_a_word_that_cannot_come():
    language = Grammar(0.6)
    rows = language.sample(n=50, length=40)
    ones = torch.ones(50, 40, dtype=torch.float64)
    torch.testing.assert_close(language.next_probabilities(rows).sum(dim=-1), ones)
    unknown = rows.clone()
    unknown[:, 20] = language.tokenizer.unknown_id
    sums = language.next_probabilities(unknown).sum(dim=-1)
    torch.testing.assert_close(sums[:, :20], ones[:, :20])
    assert (sums[:, 20:] == 0).all()


def test_what_comes_later_does_not_change_a_probability():
    language = Grammar()
    row = language.sample(n=1, length=30)[0]
    whole = language.next_probabilities(row)
    for length in (1, 7, 29):
        assert torch.equal(language.next_probabilities(row[:length]), whole[:length])


def test_clauses_become_more_frequent_and_longer_with_relative():
    share = []
    for relative in RELATIVES:
        language = Grammar(relative)
        rows = language.sample(n=200, length=40)
        share.append((rows == language.tokenizer.encode("that")[0]).float().mean().item())
    assert share[0] == 0 and share == sorted(set(share))


@pytest.mark.parametrize("clauses", range(5))
def test_only_the_first_noun_tells_the_verb(clauses):
    language = Grammar()
    cases = language.agreement(clauses, n=60, seed=clauses)
    p = language.next_probabilities(cases.prefix)[:, -1]
    rows = torch.arange(60)
    assert (p[rows, cases.correct] > 0).all() and (p[rows, cases.wrong] == 0).all()
    numbers = set()
    for prefix, correct, wrong in zip(*cases[:3], strict=True):
        text, right, other = map(language.tokenizer.decode, (prefix, correct[None], wrong[None]))
        words = text.split()
        plural = words[2].endswith("s")
        assert len(words) == 3 + cases.distance == 3 + 4 * clauses
        assert text.count("that") == clauses
        assert right.endswith("s") != plural and other.endswith("s") == plural
        assert right.rstrip("s") == other.rstrip("s")
        assert words[-1].endswith("s") == (plural if clauses == 0 else not plural)
        numbers.add(plural)
    assert numbers == {True, False}


def test_cases_have_nouns_and_verbs_of_every_kind_in_between():
    language = Grammar()
    prefix = language.agreement(3, n=300).prefix
    middle = language.tokenizer.decode(prefix[:, 3:-1].flatten()).split()
    assert {"dog", "dogs", "horse", "horses", "sees", "see", "like", "likes"} <= set(middle)


def test_rows_of_the_corpus_are_text_from_the_start_of_a_sentence():
    language = Grammar(0.5)
    corpus = grammar(n_tokens=20_000, context_length=32, relative=0.5, seed=3)
    assert len(corpus.train) + len(corpus.held_out) == 20_000 // 32
    for part in (corpus.train, corpus.held_out):
        inputs, targets = (torch.stack(column) for column in zip(*part, strict=True))
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        rows = torch.cat([inputs, targets[:, -1:]], dim=1)
        assert within(surprise(language, rows).mean(dim=1), language.floor(32))
    assert corpus.tokenizer.symbols == language.tokenizer.symbols


def test_rows_so_short_that_they_repeat_are_still_in_one_part_only():
    corpus = grammar(n_tokens=320_000, context_length=16, held_out=0.3, relative=0.0)
    train, held_out = (
        {tuple(row.tolist()) for row in part.tensors[0]} for part in (corpus.train, corpus.held_out)
    )
    assert len(held_out) < len(corpus.held_out), "no row repeats: this test sees nothing"
    assert not train & held_out


def test_the_language_is_hard_enough_to_be_worth_learning():
    language = Grammar()
    counts = language.sample(n=500, length=41)[:, 1:].flatten().bincount().double()
    share = counts[counts > 0] / counts.sum()
    alone = -(share * share.log()).sum()  # what a model without any context can reach
    assert exp(alone) > 3 * exp(language.entropy_per_token)
