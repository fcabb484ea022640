"""Wrong calls of the generated corpora: each is refused by a message that teaches."""

import pytest
import torch
from messages import case, faults, message_of

from glassbox.corpora.addition import addition
from glassbox.corpora.corpus import divide, seeded
from glassbox.corpora.dates import dates
from glassbox.corpora.grammar import Grammar, grammar
from glassbox.corpora.reviews import reviews
from glassbox.corpora.sequences import induction, retrieval

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")


def read(tokens):
    return Grammar().next_probabilities(tokens)


CASES = [
    case("seed-below-zero", lambda: addition(digits=1, seed=-1), ValueError,
         "seed is -1", "from 0 to 2**63 - 1", "seed=0"),
    case("seed-too-large", lambda: seeded(2**63), ValueError, "seed is 9223372036854775808"),
    case("seed-none", lambda: dates(n=20, seed=None), TypeError, "seed is None", "whole number"),
    case("seed-text", lambda: reviews(n=20, seed="0"), TypeError, "seed is '0'", "whole number"),
    case("seed-half", lambda: Grammar().sample(1, 5, seed=0.5), TypeError, "seed is 0.5"),
    case("seed-switch", lambda: induction(n=20, seed=True), TypeError, "seed is True"),
    case("held-out-percent", lambda: addition(held_out=10), ValueError,
         "held_out is 10", "expected a share", "write 0.1"),
    case("held-out-nothing", lambda: dates(n=20, held_out=0), ValueError,
         "held_out is 0 of 20 cases", "leaves 20 to train on and 0 to hold out", "at least one"),
    case("held-out-everything", lambda: dates(n=20, held_out=0.99), ValueError,
         "leaves 0 to train on and 20 to hold out", "Make more cases"),
    case("held-out-of-one", lambda: divide(1, 0.5, seeded(0)), ValueError, "of 1 cases"),
    case("held-out-text", lambda: grammar(held_out="a tenth"), TypeError, "held_out is 'a tenth'"),
    case("digits-none", lambda: addition(digits=0), ValueError, "digits is 0", "at least 1"),
    case("digits-text", lambda: addition(digits="2"), TypeError, "digits is '2'", "quotes"),
    case("digits-many", lambda: addition(digits=4), ValueError,
         "digits is 4", "100,000,000 rows", "expected 1, 2 or 3"),
    case("count-prompt-text", lambda: addition(count_prompt="no"), TypeError,
         "count_prompt is 'no'", "True or False"),
    case("dates-none", lambda: dates(n=0), ValueError, "n is 0", "at least 1"),
    case("dates-too-many", lambda: dates(n=73_050), ValueError,
         "n is 73,050", "there are 73,049 days", "at most as many"),
    case("reviews-odd", lambda: reviews(n=7), ValueError,
         "n is 7", "expected an even number", "has a twin", "Take n=8"),
    case("reviews-too-many", lambda: reviews(n=10_000_000), ValueError,
         "n is 10,000,000", "up to 345,600", "Take n=345600"),
    case("reviews-half", lambda: reviews(n=100 / 2), TypeError, "n is 50.0", "//"),
    case("retrieval-too-few-keys", lambda: retrieval(pairs=30), ValueError,
         "pairs is 30, keys 26", "no key is listed twice"),
    case("retrieval-too-many-keys", lambda: retrieval(keys=53), ValueError,
         "keys 53", "at most 52 keys"),
    case("retrieval-too-many-values", lambda: retrieval(values=11), ValueError,
         "values 11", "at most 10 values"),
    case("retrieval-no-pairs", lambda: retrieval(pairs=0), ValueError, "pairs is 0"),
    case("retrieval-of-too-few-lists",
         lambda: retrieval(n=5, pairs=1, keys=2, values=4), ValueError,
         "n is 5", "only 8 different ones", "at most half as many"),
    case("induction-one-period", lambda: induction(periods=8), TypeError,
         "periods is 8", "the shortest and the longest", "(6, 11)"),
    case("induction-three-periods", lambda: induction(periods=(4, 5, 6)), TypeError,
         "periods is (4, 5, 6)"),
    case("induction-periods-reversed", lambda: induction(periods=(11, 6)), ValueError,
         "periods is (11, 6)", "the shorter period first"),
    case("induction-period-zero", lambda: induction(periods=(0, 6)), ValueError,
         "shortest_period is 0", "at least 1"),
    case("induction-never-repeats", lambda: induction(length=11), ValueError,
         "length 11", "less than length"),
    case("induction-too-few-symbols", lambda: induction(symbols=10), ValueError,
         "symbols 10", "at most as large as symbols"),
    case("induction-too-many-symbols", lambda: induction(symbols=53), ValueError,
         "symbols 53", "at most 52 symbols"),
    case("induction-of-too-few",
         lambda: induction(n=31, length=5, symbols=4, periods=(2, 4)), ValueError,
         "n is 31", "only 60 different ones"),
    case("grammar-short", lambda: grammar(context_length=15), ValueError,
         "context_length is 15", "expected 16 or more"),
    case("grammar-of-one-row", lambda: grammar(n_tokens=32), ValueError, "of 1 cases"),
    case("grammar-of-less", lambda: grammar(n_tokens=31), ValueError, "of 0 cases"),
    case("grammar-of-nothing", lambda: grammar(n_tokens=0), ValueError, "n_tokens is 0"),
    case("clauses-always", lambda: Grammar(relative=1), ValueError, "relative is 1", "share"),
    case("clauses-often", lambda: Grammar("often"), TypeError, "relative is 'often'"),
    case("floor-of-nothing", lambda: Grammar().floor(0), ValueError, "context_length is 0"),
    case("sample-of-nothing", lambda: Grammar().sample(0, 5), ValueError, "n is 0"),
    case("sample-of-length-zero", lambda: Grammar().sample(5, 0), ValueError, "length is 0"),
    case("agreement-below-zero", lambda: Grammar().agreement(-1), ValueError,
         "clauses is -1", "from 0"),
    case("agreement-half", lambda: Grammar().agreement(1.5), TypeError, "clauses is 1.5"),
    case("agreement-float-zero", lambda: Grammar().agreement(0.0), TypeError, "clauses is 0.0"),
    case("agreement-switch", lambda: Grammar().agreement(False), TypeError, "clauses is False"),
    case("agreement-of-none", lambda: Grammar().agreement(1, n=0), ValueError, "n is 0"),
    case("read-list", lambda: read([1, 2]), TypeError, "tokens is of type list", "torch.tensor"),
    case("read-text", lambda: read(". the dog"), TypeError, "tokens is of type str", "tokenizer"),
    case("read-probabilities", lambda: read(torch.ones(3)), TypeError, "holds torch.float32"),
    case("read-nothing", lambda: read(torch.ones(0, dtype=torch.long)), ValueError, "(1, 0)"),
    case("read-foreign-id", lambda: read(torch.tensor([1, 24])), ValueError,
         "the id 24", "24 entries"),
    case("read-from-the-middle", lambda: read(torch.tensor([[1, 2], [2, 3]])), ValueError,
         "begins with the ids [1, 2]", "expected the end token, 1", "rows from sample or grammar"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", CASES)
def test_a_wrong_call_is_told_what_was_given_what_was_expected_and_a_way_out(wrong):
    message = message_of(wrong)
    for part in wrong.parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert not faults(message), f"{faults(message)}: {message}"


@pytest.mark.parametrize(
    "call",
    [
        lambda: addition(digits=1, held_out=0.5, seed=2**63 - 1),
        lambda: dates(n=2, held_out=0.5),
        lambda: reviews(n=4, held_out=0.5),
        lambda: retrieval(n=4, pairs=1, keys=2, values=4, held_out=0.3),
        lambda: retrieval(n=10, pairs=52, keys=52, values=10),
        lambda: retrieval(n=10, keys=26, pairs=26, values=1),
        lambda: induction(n=30, length=5, symbols=4, periods=(2, 4)),
        lambda: induction(n=10, length=53, symbols=52, periods=[52, 52]),
        lambda: induction(n=10, length=2, symbols=52, periods=(1, 1)),
        lambda: grammar(n_tokens=32, context_length=16, held_out=0.5),
        lambda: grammar(n_tokens=3_200, relative=0.99),
    ],
)
def test_what_is_just_inside_the_border_works(call):
    corpus = call()
    assert len(corpus.train) > 0 and len(corpus.held_out) > 0


def test_the_smallest_texts_can_be_drawn_and_read():
    language = Grammar(relative=0)
    for rows in (language.sample(1, 1), language.sample(3, 1), language.sample(1, 3)):
        assert language.next_probabilities(rows).sum(dim=-1).allclose(torch.tensor(1.0).double())
    assert language.agreement(0, n=1).prefix.shape == (1, 3)
