"""Wrong calls of tokenizers: each is refused by a message that teaches.

The shape checks of jaxtyping are off.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from messages import case, faults, message_of

from glassbox.tokenizers import (
    END,
    AdderTokenizer,
    BytePairTokenizer,
    CharacterTokenizer,
    WordTokenizer,
    build_tokenizer,
    split_pieces,
)

reader = pytest.mark.usefixtures("as_a_reader_runs_it")

ABC = CharacterTokenizer("abc")
BYTES = BytePairTokenizer([])
THE = BytePairTokenizer([("t", "h"), ("th", "e")])


def files(**change: str | bytes | None) -> BytePairTokenizer:
    """Read the files of `THE` after a change of their contents; `None` deletes one."""
    with TemporaryDirectory() as name:
        folder = Path(name, "gpt2")
        THE.save(folder)
        for stem, content in change.items():
            path = folder / (stem + (".txt" if stem == "merges" else ".json"))
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return BytePairTokenizer.from_gpt2(folder)


def vocab(**change: object) -> str:
    """The vocabulary of `THE` as JSON after a change of some ids."""
    return json.dumps({symbol: i for i, symbol in enumerate(THE.symbols)} | change)


def one_file(model: dict | None = None, cut: dict | None = None, **change: object):
    """Read a `tokenizer.json` of `THE` after a change of its contents."""
    ids = {symbol: i for i, symbol in enumerate(THE.symbols)}
    parts = {"type": "BPE", "vocab": ids, "merges": [list(pair) for pair in THE.merges]}
    content = {
        "model": parts | (model or {}),
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False} | (cut or {}),
    }
    return files(vocab=None, merges=None, tokenizer=json.dumps(content | change))


TEXTS = [
    case("unknown-character", lambda: ABC.encode("abé"), ValueError,
         "'é' (U+00E9) at position 2", "3 characters", "from_text(text)"),
    case("unknown-line-break", lambda: ABC.encode("a\nb"), ValueError, "'\\n' (U+000A)"),
    case("text-as-ids", lambda: ABC.encode([0, 1]), TypeError,
         "text is [0, 1], of type list", "expected text", "Join"),
    case("text-as-bytes", lambda: BYTES.encode(b"abc"), TypeError,
         "of type bytes", "data.decode()"),
    case("no-text", lambda: WordTokenizer([]).encode(None), TypeError, "text is None"),
    case("adder-number", lambda: AdderTokenizer().encode(49), TypeError, "text is 49, of type int"),
    case("adder-switch", lambda: AdderTokenizer().encode("1", begin=15), TypeError,
         "begin is 15", "True or False"),
    case("adder-end", lambda: AdderTokenizer().encode("1", end="no"), TypeError, "end is 'no'"),
    case("half-a-character", lambda: BYTES.encode("a\ud800"), ValueError,
         "'\\ud800' at position 1", "surrogate", "utf-8"),
    case("half-in-training", lambda: BytePairTokenizer.train("\udfff", 300), ValueError,
         "'\\udfff' at position 0"),
    case("pieces-of-a-list", lambda: split_pieces(["a"]), TypeError, "text is ['a']"),
    case("end-without-id", lambda: BYTES.encode("a", parse_end=True), ValueError,
         "parse_end is True", END, "Build"),
    case("end-as-text", lambda: BYTES.encode("a", parse_end="no"), TypeError, "parse_end is 'no'"),
]  # fmt: skip

IDS = [
    case("id-too-large", lambda: ABC.decode([0, 3]), ValueError,
         "ids holds 3", "3 ids", "0 to 2", "another tokenizer"),
    case("id-negative", lambda: ABC.decode(torch.tensor([-1])), ValueError, "ids holds -1"),
    case("id-of-bytes", lambda: BYTES.decode([50256]), ValueError, "ids holds 50256", "255"),
    case("one-id", lambda: ABC.decode(2), TypeError, "ids is 2, of type int", "[3, 7]"),
    case("text-to-decode", lambda: ABC.decode("abc"), TypeError, "ids is 'abc'", "encode"),
    case("nothing-to-decode", lambda: ABC.decode(None), TypeError, "ids is None"),
    case("share-as-id", lambda: ABC.decode([0.5]), TypeError, "type float", "whole numbers"),
    case("switch-as-id", lambda: ABC.decode([True]), TypeError, "type bool"),
    case("batch-of-lists", lambda: ABC.decode([[0, 1]]), TypeError, "type list", "one sequence"),
    case("list-of-tensors", lambda: ABC.decode([torch.tensor(0)]), TypeError, "type Tensor"),
    case("batch", lambda: ABC.decode(torch.tensor([[0, 1]])), ValueError,
         "shape (1, 2)", "expected (tokens,)", "ids[0]"),
    case("scalar", lambda: ABC.decode(torch.tensor(1)), ValueError, "shape ()", "unsqueeze"),
    case("logits", lambda: ABC.decode(torch.zeros(3)), TypeError, "torch.float32", "argmax"),
    case("mask", lambda: ABC.decode(torch.tensor([True])), TypeError, "torch.bool"),
]  # fmt: skip

PARTS = [
    case("alphabet-twice", lambda: CharacterTokenizer("abca"), ValueError,
         "holds 'a' more than once", "from_text"),
    case("alphabet-empty", lambda: CharacterTokenizer(""), ValueError, "is ''", "each character"),
    case("alphabet-list", lambda: CharacterTokenizer(["a"]), TypeError, "alphabet is ['a']"),
    case("characters-of-nothing", lambda: CharacterTokenizer.from_text(""), ValueError,
         "text is ''", "at least one"),
    case("characters-of-bytes", lambda: CharacterTokenizer.from_text(b"a"), TypeError, "bytes"),
    case("words-as-text", lambda: WordTokenizer("the cat"), TypeError,
         "words is 'the cat', of type str", "expected a list", "from_text"),
    case("words-with-space", lambda: WordTokenizer(["cat", "ice cream"]), ValueError,
         "words[1] is 'ice cream'", "one word", "Cut"),
    case("words-empty", lambda: WordTokenizer([""]), ValueError, "words[0] is ''"),
    case("words-of-numbers", lambda: WordTokenizer([7]), TypeError, "words[0] is 7"),
    case("words-twice", lambda: WordTokenizer(["a", "b", "b"]), ValueError, "'b' more than once"),
    case("words-nothing", lambda: WordTokenizer(None), TypeError, "words is None"),
    case("no-words", lambda: WordTokenizer.from_text("a", 0), ValueError, "max_words is 0"),
    case("words-in-part", lambda: WordTokenizer.from_text("a", 2.0), TypeError, "max_words is 2.0"),
    case("words-from-list", lambda: WordTokenizer.from_text(["a"]), TypeError, "text is ['a']"),
    case("vocabulary-too-small", lambda: BytePairTokenizer.train("a", 255), ValueError,
         "vocab_size is 255", "256 or more"),
    case("vocabulary-as-float", lambda: BytePairTokenizer.train("a", 1e3), TypeError,
         "vocab_size is 1000.0"),
    case("train-on-lines", lambda: BytePairTokenizer.train(["a", "b"], 300), TypeError,
         "text is ['a', 'b']", "Join"),
    case("merges-as-text", lambda: BytePairTokenizer("t h"), TypeError,
         "merges is 't h'", "expected a list", "train"),
    case("merges-nothing", lambda: BytePairTokenizer(None), TypeError, "merges is None"),
    case("merge-as-text", lambda: BytePairTokenizer(["th"]), TypeError, "merges[0] is 'th'"),
    case("merge-of-three", lambda: BytePairTokenizer([("a", "b", "c")]), TypeError, "merges[0]"),
    case("merge-of-ids", lambda: BytePairTokenizer([("a", "b"), (1, 2)]), TypeError,
         "merges[1] is (1, 2)"),
    case("merge-out-of-order", lambda: BytePairTokenizer([("th", "e"), ("t", "h")]), ValueError,
         "merges[0] is ('th', 'e')", "unknown 'th'", "order"),
    case("merge-of-space", lambda: BytePairTokenizer([(" ", "a")]), ValueError, "' '", "'Ġ'"),
    case("merge-twice", lambda: BytePairTokenizer([("t", "h"), ("t", "h")]), ValueError,
         "merges[1]", "came before"),
    case("symbols-lack-a-merge", lambda: BytePairTokenizer([("t", "h")], BYTES.symbols),
         ValueError, "no id for 'th'", "cut short"),
    case("symbols-of-nowhere", lambda: BytePairTokenizer([], THE.symbols), ValueError,
         "'th' has an id", "no merge makes it"),
    case("symbols-twice", lambda: BytePairTokenizer([], [*BYTES.symbols, "a"]), ValueError,
         "257 symbols", "256 differ"),
    case("symbols-as-text", lambda: BytePairTokenizer([], "".join(BYTES.symbols)), TypeError,
         "of type str", "expected a list"),
    case("symbols-as-ids", lambda: BytePairTokenizer([], 7), TypeError, "symbols is 7"),
    case("symbols-as-numbers", lambda: BytePairTokenizer([], [*BYTES.symbols, 7]), ValueError,
         "7 has an id"),
]  # fmt: skip

STORED = [
    case("unknown-kind", lambda: build_tokenizer({"kind": "character"}), ValueError,
         "kind is 'character'", "Did you mean 'characters'?"),
    case("no-kind", lambda: build_tokenizer({"alphabet": "abc"}), ValueError, "kind is None"),
    case("text-of-json", lambda: build_tokenizer('{"kind": "adder"}'), TypeError, "json.loads"),
    case("lost-alphabet", lambda: build_tokenizer({"kind": "characters"}), ValueError,
         "no 'alphabet'", "to_dict()"),
    case("another-kind", lambda: WordTokenizer.from_dict(ABC.to_dict()), ValueError,
         "kind 'characters'", "expected 'words'", "build_tokenizer"),
    case("class-from-list", lambda: WordTokenizer.from_dict(["a"]), TypeError, "stored is ['a']"),
]  # fmt: skip

FILES = [
    case("no-folder", lambda: BytePairTokenizer.from_gpt2("no/where"), FileNotFoundError,
         "'no/where'", "vocab.json and merges.txt", "tokenizer.json"),
    case("folder-is-nothing", lambda: BytePairTokenizer.from_gpt2(None), TypeError,
         "folder is None", "expected"),
    case("no-merges", lambda: files(merges=None), FileNotFoundError, "lacks merges.txt,"),
    case("no-vocab", lambda: files(vocab=None), FileNotFoundError, "lacks vocab.json,"),
    case("page-for-json", lambda: files(vocab="<html>"), ValueError,
         "vocab.json cannot be read as JSON", "download"),
    case("vocab-no-utf-8", lambda: files(vocab=b'{"\xff": 0}'), ValueError, "vocab.json"),
    case("vocab-list", lambda: files(vocab="[1, 2]"), ValueError, "of type list", "braces"),
    case("merges-no-utf-8", lambda: files(merges=b"\xff \xfe"), ValueError, "merges.txt", "UTF-8"),
    case("merges-of-three", lambda: files(merges="#version: 0.2\nt h\nth e r\n"), ValueError,
         "line 3 of merges.txt is 'th e r'"),
    case("merges-cut-short", lambda: files(merges="#version: 0.2\nt h\n"), ValueError,
         "'the' has an id, but no merge makes it", "cut short"),
    case("merges-too-many", lambda: files(merges="t h\nth e\na b"), ValueError, "no id for 'ab'"),
    case("vocab-gap", lambda: files(vocab=vocab(the=300)), ValueError,
         "258 symbols", "'the' has the id 300", "0 to 257"),
    case("vocab-same-id", lambda: files(vocab=vocab(the=0)), ValueError,
         "'the' has the id 0", "each once"),
    case("vocab-texts", lambda: files(vocab=vocab(the="257")), ValueError, "id '257'"),
    case("vocab-shares", lambda: files(vocab=vocab(the=257.0)), ValueError, "id 257.0"),
    case("one-file-broken", lambda: files(vocab=None, tokenizer="{"), ValueError,
         "tokenizer.json cannot be read"),
    case("one-file-words", lambda: one_file({"type": "WordPiece"}), ValueError,
         "'WordPiece'", "expected 'BPE'"),
    case("one-file-empty", lambda: files(merges=None, tokenizer="{}"), ValueError, "type None"),
    case("one-file-odd", lambda: files(merges=None, tokenizer='{"model": 7}'), ValueError,
         "tokenizer.json"),
    case("one-file-no-vocab", lambda: one_file({"vocab": None}), ValueError, "tokenizer.json"),
    case("one-file-cuts", lambda: one_file(cut={"type": "Sequence"}), ValueError, "'Sequence'"),
    case("one-file-own-cut", lambda: one_file(cut={"use_regex": False}), ValueError, "ByteLevel"),
    case("one-file-prefix", lambda: one_file(cut={"add_prefix_space": True}), ValueError,
         "add_prefix_space"),
    case("one-file-normal", lambda: one_file(normalizer={"type": "NFC"}), ValueError, "normalizer"),
    case("one-file-added", lambda: one_file(added_tokens=[{"content": "<pad>", "id": 258}]),
         ValueError, "'<pad>' has an id"),
    case("save-to-nothing", lambda: THE.save(None), TypeError, "folder is None"),
]  # fmt: skip

CASES = TEXTS + IDS + PARTS + STORED + FILES


@reader
@pytest.mark.parametrize("wrong", CASES)
def test_a_wrong_call_says_what_was_given_and_what_to_do(wrong):
    message = message_of(wrong)
    assert [part for part in wrong.parts if part not in message] == [], message
    assert faults(message) == [], message


def test_many_wrong_calls_are_tried_each_under_a_name_of_its_own():
    assert len({wrong.id for wrong in CASES}) == len(CASES) >= 80


@reader
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: ABC.decode(np.array([2, 0, 1])), "cab"),
        (lambda: ABC.decode(torch.tensor([2], dtype=torch.uint8)), "c"),
        (lambda: CharacterTokenizer("\n").encode("\n\n"), [0, 0]),
        (lambda: BytePairTokenizer.train("", 256).encode("!"), [0]),
        (lambda: BytePairTokenizer.train("ab ab", np.int64(257)).vocab_size, 257),
        (lambda: files().to_dict(), THE.to_dict()),
        (lambda: files(merges="t h\nth e").to_dict(), THE.to_dict()),
        (lambda: files(merges="#version: 0.2\r\nt h\r\nth e\r\n").to_dict(), THE.to_dict()),
        (lambda: files(tokenizer="{").to_dict(), THE.to_dict()),
        (lambda: one_file().to_dict(), THE.to_dict()),
        (lambda: one_file(added_tokens=[{"content": END, "id": 258}]).end_id, 258),
        (lambda: WordTokenizer([]).encode("any"), [0]),
        (lambda: WordTokenizer.from_text("a b", 9).words, ("a", "b")),
    ],
)
def test_what_is_just_inside_the_border_works(call, expected):
    assert call() == expected
