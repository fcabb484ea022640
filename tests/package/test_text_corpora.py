"""Texts: one that is always there, files of one's own, and how both become training examples."""

import random
import re
import string
from pydoc_data.topics import topics

import pytest
import torch
from messages import case, faults, message_of

from glassbox.corpora import ALPHABET, Windows, language_reference, read_text, split, text_corpus
from glassbox.corpora.text import _plain
from glassbox.tokenizers import CharacterTokenizer


@pytest.fixture(scope="module")
def reference():
    return language_reference()


def test_the_alphabet_has_the_65_symbols_that_the_character_model_expects():
    assert len(ALPHABET) == len(set(ALPHABET)) == 65
    assert set(string.ascii_letters + " \n") < set(ALPHABET)
    assert CharacterTokenizer(ALPHABET).vocab_size == 65
    assert list(ALPHABET) == sorted(ALPHABET), "as CharacterTokenizer.from_text orders them"


def test_the_reference_is_written_with_the_alphabet_and_makes_use_of_it(reference):
    assert set(reference) <= set(ALPHABET)
    marks = set(ALPHABET) - set(string.ascii_letters)
    assert all(reference.count(mark) > 300 for mark in marks), "a mark that is rare is wasted"
    assert len(set(reference)) > 60, "a few capitals may be missing in a version of Python"


def test_the_reference_is_long_and_the_same_every_time(reference):
    assert 300_000 < len(reference) < 900_000
    assert reference == language_reference()


def test_any_version_of_the_reference_is_written_with_the_alphabet():
    draw = random.Random(5)
    ranges = [
        (32, 127),
        (9, 11),
        (160, 0x250),
        (0x2000, 0x2070),
        (0x2190, 0x2400),
        (0x4E00, 0x4E20),
    ]
    for _ in range(50):
        low, high = draw.choice(ranges)
        marks = [chr(draw.randrange(low, high)) for _ in range(200)]
        assert set(_plain("".join(marks) + "".join(map(chr, range(32, 127))))) <= set(ALPHABET)


@pytest.mark.parametrize("name", ["if", "exceptions", "naming", "import"])
def test_the_words_of_every_topic_stay_in_their_order(reference, name):
    words = [word for word in topics[name].split() if word.isascii() and word.isalpha()]
    found = iter(reference.split())
    assert len(words) > 50 and all(word in found for word in words)


def test_the_prose_stays_readable(reference):
    assert "The 'if' statement is used for conditional execution:" in reference
    assert re.search(r"if_stmt *::?=? 'if' assignment_expression ':' suite", reference)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ('The "if" statement\n****************\n\nText', "The 'if' statement\n\nText"),
        ("Title\n=====\nText", "Title\n\nText"),
        ("an *item* of **many**, the *i*th", "an item of many, the ith"),
        ("an *emphasis over\n   two* lines", "an emphasis over\n   two lines"),
        ("f(*args, **kwargs)", "f(*args, **kwargs)"),
        ("a*b*c and 2 ** n", "a*b*c and 0 ** n"),
        ("* one\n* two", "* one\n* two"),
        (">>> x = a[1]\n... y\n  >>> {z}", "x = a(0)\ny\n  (z)"),
        ("Table\n+-----+\n| a  | b |\n|====|===|\n| c | d  |", "Table\n\na * b\n\nc * d"),
        ("it’s “so” — ‘it’ is; no?", "it's 'so' - 'it' is, no."),
        ("version 3.11 of 2022", "version 0.00 of 0000"),
        ("x <= y | z", "x *= y * z"),
        ("end   \n\n\n\n\nnext", "end\n\nnext"),
        ("naïve Straße\N{NO-BREAK SPACE}日本", "nave Strasse "),
    ],
)
def test_markup_goes_and_other_symbols_are_written_with_like_ones(given, plain):
    assert _plain(given) == plain


def test_headings_and_tables_leave_no_rules_behind(reference):
    lines = reference.splitlines()
    assert not any(len(line.strip()) > 3 and set(line.strip()) <= set("*=-+ ") for line in lines)
    assert "\n\n\n" not in reference and not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 99, 1_000])
@pytest.mark.parametrize("held_out", [0.0, 0.01, 0.1, 0.25, 0.5, 0.7, 0.9, 0.99])
def test_the_two_parts_are_the_text_and_share_nothing(n, held_out):
    ids = list(range(n))
    train, rest = split(ids, held_out)
    assert train + rest == ids
    assert 0 <= len(rest) - n * held_out < 1 - 1e-9 or len(rest) == pytest.approx(n * held_out)
    assert split(torch.tensor(ids), held_out)[1].tolist() == rest
    assert split("x" * n, held_out)[0] == "x" * len(train)


def test_tiny_shakespeare_is_cut_where_others_cut_it():
    train, rest = split(torch.empty(1_115_394, dtype=torch.bool))
    assert (len(train), len(rest)) == (1_003_854, 111_540)  # the README of nanoGPT


def all_ids(windows):
    return {i for pair in windows for row in pair for i in row.tolist()}


class Places(CharacterTokenizer):
    """Each symbol's id is its place in the text, so that a window shows where it was cut."""

    def encode(self, text):
        return list(range(len(text)))


@pytest.mark.parametrize("stride", [1, 3, 5, 9])
@pytest.mark.parametrize("held_out", [0.1, 0.3, 0.5])
def test_no_window_reaches_from_one_part_into_the_other(stride, held_out):
    corpus = text_corpus("x" * 200, Places("x"), context_length=5, stride=stride, held_out=held_out)
    train, rest = split(list(range(200)), held_out)
    assert all_ids(corpus.train) <= set(train) and all_ids(corpus.held_out) <= set(rest)
    assert len(corpus.train) == len(Windows(train, 5, stride))
    assert corpus.train[1][0][0] == stride


def test_held_out_windows_stand_side_by_side_so_that_each_target_counts_once():
    corpus = text_corpus("x" * 200, Places("x"), context_length=5, stride=1)
    targets = [t for _, row in corpus.held_out for t in row.tolist()]
    assert len(targets) == len(set(targets)) == (20 - 1) // 5 * 5


def test_a_corpus_reads_back_as_the_text_that_it_was_made_of():
    text = "to be, or not to be: that is the question"
    corpus = text_corpus(text, context_length=6, held_out=0.4)
    first = "".join(corpus.tokenizer.decode(inputs[:1]) for inputs, _ in corpus.train)
    assert text.startswith(first) and len(first) == len(corpus.train)
    inputs, targets = corpus.held_out[0]
    assert corpus.tokenizer.decode(inputs) in text and inputs[1:].equal(targets[:-1])
    assert corpus.tokenizer.vocab_size == len(set(text)), "symbols of the end have ids as well"


def test_a_tokenizer_can_be_brought_along(reference):
    tokenizer = CharacterTokenizer(ALPHABET)
    corpus = text_corpus(reference[:2_000], tokenizer, context_length=8, stride=8)
    assert corpus.tokenizer is tokenizer
    assert tokenizer.decode(corpus.train[1][0]) == reference[8:16]


def test_nothing_need_be_held_out():
    corpus = text_corpus("to be or not", context_length=4, held_out=0.0)
    assert len(corpus.train) == 8 and len(corpus.held_out) == 0


def test_the_shortest_text_has_one_window_in_each_part():
    corpus = text_corpus("abcabc", context_length=2, held_out=0.5)
    assert (len(corpus.train), len(corpus.held_out)) == (1, 1)


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (b"to be\nor not\n", "to be\nor not\n"),
        (b"to be\r\nor not\rto be", "to be\nor not\nto be"),
        (b"\xef\xbb\xbfto be", "to be"),
        ("Türme — 日本".encode(), "Türme — 日本"),
    ],
    ids=["plain", "other line endings", "byte order mark", "beyond ASCII"],
)
def test_a_file_is_read_as_it_was_meant(tmp_path, stored, text):
    path = tmp_path / "text.txt"
    path.write_bytes(stored)
    assert read_text(path) == read_text(str(path)) == text


def stored(folder, data):
    path = folder / "text.txt"
    path.write_bytes(data)
    return path


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("prepare", "error", "parts"),
    [
        (lambda folder: folder / "none.txt", FileNotFoundError, ["none.txt'", "no such file"]),
        (lambda folder: folder, IsADirectoryError, ["is a folder"]),
        (lambda folder: stored(folder, b"caf\xe9"), ValueError, ["byte number 3", "not UTF-8"]),
        (lambda folder: stored(folder, b""), ValueError, ["without any text"]),
        (lambda folder: stored(folder, b" \n\n"), ValueError, ["without any text"]),
        (lambda folder: None, TypeError, ["path is None", "expected the path"]),
    ],
    ids=["missing", "folder", "other-encoding", "empty", "blank", "nothing"],
)
def test_what_is_no_text_file_is_refused_and_named(tmp_path, monkeypatch, prepare, error, parts):
    monkeypatch.chdir(tmp_path)
    path = prepare(tmp_path)
    with pytest.raises(error) as raised:
        read_text(path)
    message = str(raised.value)
    assert raised.type is error and all(part in message for part in parts), message
    assert faults(message.replace(str(tmp_path), "/home/reader")) == []


TEXT = "to be or not to be"
WRONG = [
    case("share-in-percent", lambda: split(TEXT, 10), ValueError, "held_out is 10", "write 0.1"),
    case("negative-share", lambda: split(TEXT, -0.1), ValueError, "held_out is -0.1"),
    case("all-held-out", lambda: split(TEXT, 1.0), ValueError, "held_out is 1.0"),
    case("no-share", lambda: split(TEXT, None), TypeError, "held_out is None"),
    case("ids", lambda: text_corpus([1, 2, 3], context_length=2), TypeError,
         "text is [1, 2, 3]", "expected text"),
    case("bytes", lambda: text_corpus(b"to be", context_length=2), TypeError,
         "text is b'to be'", "expected text"),
    case("tokenizer-by-name", lambda: text_corpus(TEXT, "characters", context_length=2),
         TypeError, "tokenizer is 'characters'", "CharacterTokenizer.from_text(text)"),
    case("tokenizer-class", lambda: text_corpus(TEXT, CharacterTokenizer, context_length=2),
         TypeError, "tokenizer is the class CharacterTokenizer", "from_text(text)"),
    case("long-context", lambda: text_corpus(TEXT, context_length=16), ValueError,
         "16 ids for training", "context_length is 16", "at least 17"),
    case("short-end", lambda: text_corpus(TEXT, context_length=4), ValueError,
         "2 ids for testing", "at least 5", "held_out"),
    case("no-context", lambda: text_corpus(TEXT, context_length=0), ValueError,
         "context_length is 0"),
    case("no-stride", lambda: text_corpus(TEXT, context_length=2, stride=0), ValueError,
         "stride is 0"),
    case("stride-as-share", lambda: text_corpus(TEXT, context_length=2, stride=0.5), TypeError,
         "stride is 0.5"),
    case("no-text", lambda: text_corpus("", CharacterTokenizer("ab"), context_length=2),
         ValueError, "0 ids for training"),
]  # fmt: skip


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_call_is_refused_and_the_message_helps(wrong):
    message = message_of(wrong)
    assert all(part in message for part in wrong.parts), message
    assert faults(message) == []
