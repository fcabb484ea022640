"""Generated corpora: the truth is what they say it is, and no case is in both parts."""

import re
from collections import Counter, defaultdict
from datetime import date, datetime
from math import log

import pytest
import torch

from glassbox.corpora.addition import addition
from glassbox.corpora.corpus import divide, seeded
from glassbox.corpora.dates import FORMATS, dates, write
from glassbox.corpora.grammar import grammar
from glassbox.corpora.reviews import BAD, GOOD, reviews
from glassbox.corpora.sequences import induction, retrieval

MAKERS = {
    "addition": lambda seed: addition(seed=seed),
    "addition-of-one-digit": lambda seed: addition(digits=1, seed=seed),
    "dates": lambda seed: dates(n=400, seed=seed),
    "reviews": lambda seed: reviews(n=400, seed=seed),
    "retrieval": lambda seed: retrieval(n=400, seed=seed),
    "retrieval-from-few": lambda seed: retrieval(n=36, pairs=2, keys=3, values=4, seed=seed),
    "induction": lambda seed: induction(n=400, seed=seed),
    "induction-of-few": lambda seed: induction(
        n=30, length=5, symbols=4, periods=(2, 4), seed=seed
    ),
    "grammar": lambda seed: grammar(n_tokens=4_000, context_length=16, seed=seed),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def columns(part):
    """The items of a part, one tensor for each entry."""
    return part.tensors


def texts(corpus, column=0):
    """The items of both parts as text, without the padding."""
    rows = [item[column] for part in (corpus.train, corpus.held_out) for item in part]
    return [corpus.tokenizer.decode(row).rstrip("_ ") for row in rows]


@every
def test_an_item_is_a_tuple_of_ids_with_targets_last(make):
    corpus = make(0)
    for part in (corpus.train, corpus.held_out):
        assert len(part) > 0
        for column in columns(part):
            assert column.dtype == torch.int64
            counted = column[column != -100]
            assert counted.min() >= 0 and counted.max() < corpus.tokenizer.vocab_size
        *inputs, _ = part[0]
        assert all(row.ndim == 1 and (row >= 0).all() for row in inputs)
        assert (columns(part)[-1].reshape(len(part), -1) != -100).any(dim=1).all()


@every
@pytest.mark.parametrize("seed", range(4))
def test_no_case_is_in_both_parts(make, seed):
    corpus = make(seed)
    train, held_out = (
        {tuple(row) for row in columns(part)[0].tolist()}
        for part in (corpus.train, corpus.held_out)
    )
    assert not train & held_out
    share = len(corpus.held_out) / (len(corpus.train) + len(corpus.held_out))
    assert share == pytest.approx(0.1, abs=0.025)


@every
def test_the_seed_decides_and_the_global_generator_does_not(make):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, other = make(3), make(4)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    again = make(3)
    for part in ("train", "held_out"):
        one, two = columns(getattr(first, part)), columns(getattr(again, part))
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(columns(first.train)[0][:20], columns(other.train)[0][:20])


@pytest.mark.parametrize("n", [2, 3, 10, 1_001])
def test_every_case_is_dealt_to_exactly_one_part(n):
    for seed in range(5):
        train, held_out = divide(n, 0.4, seeded(seed))
        assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(n))
        assert len(held_out) == round(0.4 * n)


# --- addition -----------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [1, 2])
def test_every_sum_is_there_once_and_written_as_in_the_book(digits):
    corpus = addition(digits=digits, count_prompt=True)
    found = []
    for inputs, targets in (columns(corpus.train), columns(corpus.held_out)):
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        found += map(tuple, torch.cat([inputs, targets[:, -1:]], dim=1).tolist())
    size = 10**digits
    expected = {
        tuple(
            corpus.tokenizer.encode(
                f"{a:0{digits}}+{b:0{digits}}={a + b:0{digits + 1}}", begin=True, end=True
            )
        )
        for a in range(size)
        for b in range(size)
    }
    assert len(found) == len(expected) and set(found) == expected


def test_sums_of_three_digits_are_right():
    corpus = addition(digits=3)
    assert len(corpus.train) + len(corpus.held_out) == 1_000_000
    for i in range(0, len(corpus.held_out), 997):
        inputs, targets = corpus.held_out[i]
        a, b, total = re.split(r"[+=]", corpus.tokenizer.decode(inputs))
        assert int(a) + int(b) == int(total)
        assert (len(a), len(b), len(total)) == (3, 3, 4) and len(inputs) == 13
        assert corpus.tokenizer.decode(targets[targets >= 0]) == total


def test_only_the_answer_counts():
    for inputs, targets in addition().held_out:
        equals = inputs.tolist().index(13)
        assert targets.tolist() == [-100] * equals + [*inputs[equals + 1 :].tolist(), 14]


@pytest.mark.parametrize("seed", range(4))
def test_turning_a_sum_round_does_not_lead_to_the_other_part(seed):
    corpus = addition(seed=seed, held_out=0.3)

    def pairs(part):
        inputs = columns(part)[0]
        a, b = 10 * inputs[:, 1] + inputs[:, 2], 10 * inputs[:, 4] + inputs[:, 5]
        return {frozenset(pair) for pair in zip(a.tolist(), b.tolist(), strict=True)}

    train, held_out = pairs(corpus.train), pairs(corpus.held_out)
    assert not train & held_out
    assert len(train | held_out) == 5_050 and len(held_out) == round(0.3 * 5_050)


# --- dates --------------------------------------------------------------------------------------

READERS = [
    *("%d %B %Y", "%B %d, %Y", "%b %d %Y", "%A, %B %d, %Y", "the %d of %B %Y"),
    *("%d.%m.%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y %b %d, %A"),
]


def read(text):
    """Every day that a text can mean, read by the standard library, and the formats that fit."""
    text = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)
    found = {}
    for i, reader in enumerate(READERS):
        try:
            found[i] = datetime.strptime(text, reader).date()
        except ValueError:
            continue
    return found


def test_each_date_can_be_read_in_one_way_and_that_is_the_answer():
    corpus = dates(n=400, seed=5)
    seen = set()
    for source, answer in zip(texts(corpus), texts(corpus, column=2), strict=True):
        days = read(source)
        assert {day.isoformat() + ">" for day in days.values()} == {answer}, source
        weekday = re.search(r"[A-Z][a-z]+day", source)
        (day,) = set(days.values())
        assert not weekday or weekday[0] == day.strftime("%A")
        assert 1900 <= day.year <= 2099
        seen |= set(days)
    assert len(READERS) == len(FORMATS) and seen >= set(range(len(FORMATS)))


def test_no_day_is_written_twice():
    answers = texts(dates(n=1_000, seed=1), column=2)
    assert len(set(answers)) == len(answers) == 1_000


def test_the_decoder_reads_what_it_is_asked_for_one_step_earlier():
    _, target_in, targets = columns(dates(n=50).train)
    tokenizer = dates(n=50).tokenizer
    assert torch.equal(target_in[:, 1:], targets[:, :-1])
    assert tokenizer.decode(target_in[:, 0]) == "<" * len(target_in)
    assert tokenizer.decode(targets[:, -1]) == ">" * len(targets)


def test_sources_are_padded_behind_to_the_length_of_the_longest_there_can_be():
    corpus = dates(n=300)
    length = len(corpus.train[0][0])
    every_name = [date(2020, month, day) for month in range(1, 13) for day in range(1, 29)]
    assert length == max(len(write(day, text)) for day in every_name for text in FORMATS)
    for source, _, _ in corpus.train:
        text = corpus.tokenizer.decode(source)
        assert len(text) == length and "_" not in text.rstrip("_")


def test_ordinals_are_those_of_english():
    ends = {1: "st", 21: "st", 31: "st", 2: "nd", 22: "nd", 3: "rd", 23: "rd"}
    for day in range(1, 32):
        written = write(date(2024, 1, day), "the {day}{th} of {month} {year}")
        assert written == f"the {day}{ends.get(day, 'th')} of January 2024"


def test_a_decoder_without_a_source_has_to_guess_among_so_many_days():
    days = (date(2099, 12, 31) - date(1900, 1, 1)).days + 1
    assert days == 73_049 and round(log(days) / 11, 3) == 1.018


# --- reviews ------------------------------------------------------------------------------------


def verdicts(text):
    """What each word of praise or blame says of the film, as a reader of clauses finds it."""
    text = text.removeprefix("we saw it last night and ").removeprefix("it is a long film but ")
    for clause in text.split(" and "):
        words = clause.split()
        (opinion,) = set(words) & {*GOOD, *BAD}
        denied = bool(set(words) & {"not", "never", "nobody", "far"})
        yield int((opinion in GOOD) != denied)


def test_the_label_is_what_the_clauses_say():
    corpus = reviews(n=600, seed=3)
    labels = [label.item() for part in (corpus.train, corpus.held_out) for _, label in part]
    for text, label in zip(texts(corpus), labels, strict=True):
        assert list(verdicts(text)) == [label, label], text


@pytest.mark.parametrize("seed", range(3))
def test_a_bag_of_words_does_not_know_the_label_in_either_part(seed):
    corpus = reviews(n=1_000, seed=seed)
    for part in (corpus.train, corpus.held_out):
        labels = defaultdict(Counter)
        for tokens, label in part:
            labels[tuple(sorted(tokens.tolist()))][label.item()] += 1
        assert all(count[0] == count[1] > 0 for count in labels.values())


def test_reviews_are_all_different_known_words_and_padding_behind():
    corpus = reviews(n=1_000)
    written = texts(corpus)
    assert len(set(written)) == 1_000
    assert not any("_" in text or "<unk>" in text for text in written)
    assert max(len(text.split()) for text in written) == len(corpus.train[0][0])
    used = set(" ".join(written).split())
    assert used == set(corpus.tokenizer.symbols) - {"_", "<unk>"}


def test_twins_are_not_side_by_side():
    labels = columns(reviews(n=2_000).train)[1]
    runs = (labels[1:] != labels[:-1]).float().mean()
    assert 0.4 < runs < 0.6


# --- retrieval and induction --------------------------------------------------------------------


@pytest.mark.parametrize(("pairs", "keys", "values"), [(8, 26, 10), (3, 3, 5), (2, 52, 3)])
def test_the_value_of_the_key_is_asked_for_and_nothing_else(pairs, keys, values):
    corpus = retrieval(n=60, pairs=pairs, keys=keys, values=values)
    for inputs, targets in [*corpus.train, *corpus.held_out]:
        *listed, asked = inputs.tolist()
        table = dict(zip(listed[::2], listed[1::2], strict=True))
        assert len(table) == pairs
        assert max(table) < keys <= min(table.values()) and max(table.values()) < keys + values
        assert targets.tolist() == [-100] * (2 * pairs) + [table[asked]]


def test_every_slot_is_asked_for_and_every_symbol_used():
    corpus = retrieval(n=2_000, pairs=4, keys=6, values=3)
    inputs, targets = columns(corpus.train)
    slots = (inputs[:, :-1:2] == inputs[:, -1:]).float().mean(dim=0)
    assert torch.allclose(slots, torch.full((4,), 0.25), atol=0.05)
    answers = targets[:, -1].bincount(minlength=9)[6:] / len(targets)
    assert torch.allclose(answers, torch.full((3,), 1 / 3), atol=0.05)
    assert inputs[:, ::2].unique().tolist() == list(range(6))


def test_a_list_with_another_question_is_not_in_the_other_part():
    for seed in range(4):
        corpus = retrieval(n=36, pairs=2, keys=3, values=4, seed=seed)
        train, held_out = (
            {tuple(row[:-1]) for row in columns(part)[0].tolist()}
            for part in (corpus.train, corpus.held_out)
        )
        assert not train & held_out


@pytest.mark.parametrize(
    ("length", "symbols", "periods"), [(32, 20, (6, 11)), (9, 8, (3, 8)), (12, 52, (1, 2))]
)
def test_what_followed_a_symbol_the_last_time_is_what_counts(length, symbols, periods):
    corpus = induction(n=100, length=length, symbols=symbols, periods=periods)
    found = set()
    for inputs, targets in [*corpus.train, *corpus.held_out]:
        row = inputs.tolist()
        assert len(row) == length and max(row) < symbols
        for i, (symbol, target) in enumerate(zip(row, targets.tolist(), strict=True)):
            earlier = [j for j in range(i) if row[j] == symbol]
            assert target == (row[earlier[-1] + 1] if earlier else -100)
            if i + 1 < length and earlier:
                assert row[i + 1] == target
        found.add(len(set(row)))
    assert found == set(range(periods[0], periods[1] + 1))
