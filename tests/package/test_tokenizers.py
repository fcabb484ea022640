"""Tokenizers of characters, words and arithmetic, and what all kinds have in common."""

import json
import string
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.tokenizers import (
    END,
    TOKENIZERS,
    AdderTokenizer,
    BytePairTokenizer,
    CharacterTokenizer,
    Tokenizer,
    WordTokenizer,
    build_tokenizer,
)

PLAY = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n"
SHAKESPEARE = "\n !$&',-.3:;?" + string.ascii_uppercase + string.ascii_lowercase
WORDS = st.lists(st.sampled_from(["We", "we", "speak", "don't", "3", ",", ".", "(", ")", "'", "-"]))
KINDS = [
    CharacterTokenizer.from_text(PLAY),
    WordTokenizer.from_text(PLAY),
    AdderTokenizer(),
    BytePairTokenizer.train(PLAY, 270),
    BytePairTokenizer([("t", "h")], [*BytePairTokenizer([("t", "h")]).symbols, END]),
]

few = settings(max_examples=60, deadline=None)
every_kind = pytest.mark.parametrize("tokenizer", KINDS, ids=repr)


def text_of(tokenizer: Tokenizer) -> str:
    return "35+46=081" if isinstance(tokenizer, AdderTokenizer) else PLAY


def test_every_kind_is_tried_here():
    assert {type(tokenizer) for tokenizer in KINDS} == set(TOKENIZERS.values())


@every_kind
def test_a_tokenizer_survives_the_trip_through_json(tokenizer):
    stored = json.loads(json.dumps(tokenizer.to_dict()))
    for again in (build_tokenizer(stored), type(tokenizer).from_dict(stored)):
        assert type(again) is type(tokenizer)
        assert again.symbols == tokenizer.symbols and again.to_dict() == tokenizer.to_dict()
        text = text_of(tokenizer)
        assert again.encode(text) == tokenizer.encode(text)


@every_kind
def test_a_tensor_is_decoded_like_the_list_of_its_numbers(tokenizer):
    ids = tokenizer.encode(text_of(tokenizer))
    text = tokenizer.decode(ids)
    assert tokenizer.decode(iter(ids)) == tokenizer.decode(tuple(ids)) == text
    for dtype in (torch.int64, torch.int32, torch.int16):
        assert tokenizer.decode(torch.tensor(ids, dtype=dtype)) == text


@every_kind
def test_nothing_is_nothing(tokenizer):
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == tokenizer.decode(torch.tensor([], dtype=torch.long)) == ""


@every_kind
def test_every_id_has_one_symbol_and_can_be_decoded(tokenizer):
    assert len(set(tokenizer.symbols)) == len(tokenizer.symbols) == tokenizer.vocab_size
    assert isinstance(tokenizer.decode(range(tokenizer.vocab_size)), str)
    assert str(tokenizer.vocab_size) in repr(tokenizer)


@every_kind
def test_what_is_given_back_is_a_copy(tokenizer):
    ids = tokenizer.encode(text_of(tokenizer))
    kept = list(ids)
    ids[0] = ids[-1] + 1
    assert tokenizer.encode(text_of(tokenizer)) == kept


# --- characters ---------------------------------------------------------------------------------


@few
@given(st.text(min_size=1))
def test_characters_come_back_and_are_numbered_by_code_point(text):
    tokenizer = CharacterTokenizer.from_text(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    smaller = [len({other for other in text if ord(other) < ord(c)}) for c in text]
    assert ids == smaller


def test_shakespeare_has_sixty_five_characters():
    tokenizer = CharacterTokenizer.from_text(SHAKESPEARE[::-1] * 2)
    assert tokenizer.alphabet == SHAKESPEARE and tokenizer.vocab_size == 65
    assert tokenizer.encode("\nZz") == [0, 38, 64]


def test_an_alphabet_keeps_its_own_order():
    assert CharacterTokenizer("zab").encode("abz") == [1, 2, 0]


# --- words --------------------------------------------------------------------------------------


@few
@given(WORDS)
def test_known_words_come_back_from_text(words):
    tokenizer = WordTokenizer(sorted(set(words)))
    ids = tokenizer.encode(" ".join(words))
    assert [tokenizer.symbols[i] for i in ids] == words
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


@few
@given(st.text())
def test_a_text_decoded_once_stays_as_it_is(text):
    tokenizer = WordTokenizer.from_text(text)
    once = tokenizer.decode(tokenizer.encode(text))
    assert tokenizer.encode(once) == tokenizer.encode(text)
    assert tokenizer.decode(tokenizer.encode(once)) == once
    assert "".join(once.split()) == "".join(text.split())
    assert tokenizer.unknown_id not in tokenizer.encode(text)


@pytest.mark.parametrize(
    "text", ["I don't know, do you?", "Yes (really): she's 3 - no, 4!", "a [b] {c}; d", "l’été"]
)
def test_usual_writing_comes_back_exactly(text):
    tokenizer = WordTokenizer.from_text(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@few
@given(WORDS, st.integers(1, 12))
def test_the_most_frequent_words_are_kept_and_of_equals_the_earlier(words, max_words):
    counts = Counter(words)
    ranked = sorted(counts, key=lambda word: (-counts[word], words.index(word)))
    tokenizer = WordTokenizer.from_text(" ".join(words), max_words)
    assert tokenizer.words == tuple(ranked[:max_words])
    known = set(ranked[:max_words])
    expected = [ranked.index(word) + 1 if word in known else 0 for word in words]
    assert tokenizer.encode(" ".join(words)) == expected


def test_an_unknown_word_shows_that_it_was_lost():
    tokenizer = WordTokenizer(["cat", "the"])
    assert tokenizer.encode("the Cat <unk>") == [2, 0, 0, 0, 0]
    assert tokenizer.decode(tokenizer.encode("the Cat")) == "the <unk>"


# --- arithmetic ---------------------------------------------------------------------------------


def test_problems_are_spelled_as_the_course_writes_them():
    adder = AdderTokenizer()
    assert adder.vocab_size == 18
    assert adder.encode("49+13=062", begin=True) == [15, 4, 9, 10, 1, 3, 13, 0, 6, 2]
    assert adder.encode("35+46=081", begin=True) == [15, 3, 5, 10, 4, 6, 13, 0, 8, 1]
    assert adder.encode("35+46=081", begin=True, end=True)[-1] == adder.end_id == 14
    assert len(adder.encode("35+46=081", begin=True, end=True)) == 11
    assert adder.encode("*-+=") == [11, 12, 10, 13]
    assert (adder.begin_id, adder.pad_id, adder.unknown_id) == (15, 16, 17)


@few
@given(st.text(alphabet="0123456789+*-="), st.booleans(), st.booleans())
def test_begin_end_and_padding_leave_no_trace_in_the_text(text, begin, end):
    adder = AdderTokenizer()
    ids = adder.encode(text, begin=begin, end=end)
    assert len(ids) == len(text) + begin + end
    assert adder.decode([*ids, adder.pad_id, adder.pad_id]) == text


def test_what_is_no_arithmetic_is_unknown():
    adder = AdderTokenizer()
    assert adder.encode("1 x²<") == [1, 17, 17, 17, 17]
    assert adder.decode([1, 17]) == "1<unk>"


# --- a kind of one's own ------------------------------------------------------------------------


def test_a_tokenizer_without_encode_says_so():
    class Silent(Tokenizer):
        kind, symbols = "silent", ("a",)

    with pytest.raises(NotImplementedError, match="Silent has no method encode"):
        Silent().encode("a")
