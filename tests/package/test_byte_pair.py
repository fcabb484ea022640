"""Byte-pair encoding, held against the `tokenizers` library: the same merges, the same ids."""

import json
import sys
import unicodedata
from functools import cache
from pydoc_data.topics import topics

import pytest
import regex
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, ByteLevelBPETokenizer, models, pre_tokenizers, trainers

from glassbox.tokenizers import END, BytePairTokenizer, build_tokenizer, byte_symbols, split_pieces
from glassbox.tokenizers.byte_pair_checks import check_fit

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
REFERENCE = "\n".join(topics.values())[:200_000]
HARD = [
    "aaaa aaaaaaa aa aaaaa a",
    "abababab baba ab",
    "They'll say I've we're don't I'm he'd it's IT'S 's't'll",
    "  two   spaces\n\n\tand \n tabs \t\n ",
    "naïve café Ĝġ Ġ Straße ßß",
    "🙂🙂🙂 👩‍👩‍👧 e\u0301e\u0301 日本語日本語 ١٢٣ ²³ Ⅷ 一二三 ॐ नमस्ते",
    "\x1c\x1d\x1e\x1f \x85\xa0\u3000\u200b x\u2028y",
    f"one{END}two{END}",
    "3.14 1,000 x_1 __init__ 2²",
]

few = settings(max_examples=60, deadline=None)
whole = st.text(st.characters(exclude_categories=["Cs"]))
assigned = st.text(st.characters(exclude_categories=["Cs", "Cn"]))
"""The library's tables of Unicode may be newer than Python's, and know more letters."""
tangled = st.text(st.sampled_from("aaabbc '’stlé🙂1²\n\t "), max_size=80)


def theirs(text: str, vocab_size: int) -> tokenizers.Tokenizer:
    """The library's byte-level tokenizer, trained on a text."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def merges_of(tokenizer: tokenizers.Tokenizer) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


@cache
def ours() -> BytePairTokenizer:
    return BytePairTokenizer.train(REFERENCE, 1000)


@cache
def reference() -> tokenizers.Tokenizer:
    return theirs(REFERENCE, 1000)


# --- pieces -------------------------------------------------------------------------------------


def test_bytes_are_written_with_the_characters_of_the_library():
    symbols = byte_symbols()
    assert set(symbols) == set(pre_tokenizers.ByteLevel.alphabet()) and len(symbols) == 256
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for text in HARD:
        assert "".join(symbols[byte] for byte in text.encode()) == cut.pre_tokenize_str(text)[0][0]


def test_every_character_is_cut_as_by_the_pattern_of_gpt2():
    known = (chr(code) for code in range(sys.maxunicode + 1))
    left_out = ("Cs", "Cn", "Co")  # of the private ones, the ends of their ranges are enough
    known = [c for c in known if unicodedata.category(c) not in left_out]
    known += "\ue000\uf8ff\U000f0000\U000ffffd\U00100000\U0010fffd"
    text = "".join(f"a{c}1{c}!" for c in known)  # letter, digit, space or mark: each cut otherwise
    assert split_pieces(text) == regex.findall(PATTERN, text)


@few
@given(assigned | tangled)
def test_texts_are_cut_as_by_the_pattern_of_gpt2(text):
    assert split_pieces(text) == regex.findall(PATTERN, text)


@few
@given(whole)
def test_pieces_make_up_the_text(text):
    assert "".join(split_pieces(text)) == text


# --- training -----------------------------------------------------------------------------------


def test_the_merges_of_a_long_text_are_those_of_the_library():
    assert len(ours().merges) == 744
    assert list(ours().merges) == merges_of(reference())


@pytest.mark.parametrize("text", [*HARD, "\n".join(HARD)])
def test_the_merges_of_a_hard_text_are_those_of_the_library(text):
    assert list(BytePairTokenizer.train(3 * text, 400).merges) == merges_of(theirs(3 * text, 400))


@few
@given(tangled, st.integers(256, 300))
def test_the_merges_of_tangled_texts_are_those_of_the_library(text, vocab_size):
    trained = BytePairTokenizer.train(text, vocab_size)
    assert list(trained.merges) == merges_of(theirs(text, vocab_size))
    assert trained.vocab_size == 256 + len(trained.merges) <= vocab_size


def test_a_smaller_vocabulary_is_the_start_of_a_larger_one():
    text = REFERENCE[:20_000]
    small, large = (BytePairTokenizer.train(text, size) for size in (300, 400))
    assert small.vocab_size == 300 and small.symbols == large.symbols[:300]
    assert BytePairTokenizer.train(text, 256).merges == ()


def test_no_merge_is_learned_from_what_occurs_once():
    assert BytePairTokenizer.train("abcdefg", 1000).vocab_size == 256


# --- encoding -----------------------------------------------------------------------------------


@few
@given(assigned | tangled)
def test_ids_are_those_of_the_library(text):
    assert ours().encode(text) == reference().encode(text).ids


@pytest.mark.parametrize("text", [*HARD, "".join(HARD), REFERENCE[:20_000], "a" * 5000])
def test_ids_of_a_hard_text_are_those_of_the_library(text):
    ids = ours().encode(text)
    assert ids == reference().encode(text).ids
    assert ours().decode(ids) == text


@few
@given(whole)
@example("\x00\x1c\x85\u0378\U0010ffff")
def test_every_text_comes_back_unchanged(text):
    for tokenizer in (ours(), BytePairTokenizer([])):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(BytePairTokenizer([]).encode(text)) == len(text.encode())


@few
@given(st.lists(st.integers(0, 999)))
def test_any_ids_are_decoded_as_bytes_even_where_they_form_no_character(ids):
    byte_of = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
    data = b"".join(bytes(byte_of[c] for c in ours().symbols[i]) for i in ids)
    assert ours().decode(ids) == data.decode("utf-8", errors="replace")


def test_the_rank_of_a_merge_decides_and_not_its_place():
    tokenizer = BytePairTokenizer([("b", "c"), ("a", "b"), ("c", "d")])
    assert [tokenizer.symbols[i] for i in tokenizer.encode("abcd")] == ["a", "bc", "d"]


def test_trained_ids_survive_storing():
    again = build_tokenizer(json.loads(json.dumps(ours().to_dict())))
    assert again.encode(REFERENCE[:5000]) == ours().encode(REFERENCE[:5000])


# --- GPT-2's files ------------------------------------------------------------------------------

LAYOUTS = ("two files, end first", "one file, end first", "one file, end added", "old merges")


def written(folder, layout) -> ByteLevelBPETokenizer:
    """Train a tokenizer with the library, and let it write its files into a folder."""
    library = ByteLevelBPETokenizer()
    special = [] if "added" in layout else [END]
    library.train_from_iterator(
        [REFERENCE], vocab_size=400, special_tokens=special, show_progress=False
    )
    if layout.startswith("two"):
        library.save_model(str(folder))
        return library
    if not special:
        library.add_special_tokens([AddedToken(END)])
    library.save(str(folder / "tokenizer.json"))
    if layout == "old merges":
        content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return library


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_of_the_library_give_its_ids(layout, tmp_path):
    library = written(tmp_path, layout)
    read = BytePairTokenizer.from_gpt2(tmp_path)
    assert read.vocab_size == library.get_vocab_size()
    assert read.end_id == library.token_to_id(END) == (400 if "added" in layout else 0)
    assert {symbol: i for i, symbol in enumerate(read.symbols)} == library.get_vocab()
    for text in [*HARD, REFERENCE[:5000]]:
        assert read.encode(text, parse_end=True) == library.encode(text).ids
        assert read.decode(read.encode(text, parse_end=True)) == text
        ids = read.encode(text)
        assert read.end_id not in ids and read.decode(ids) == text


def test_files_give_the_ids_of_transformers(tmp_path):
    from transformers import GPT2TokenizerFast

    written(tmp_path, "two files, end first")
    fast = GPT2TokenizerFast.from_pretrained(tmp_path)
    read = BytePairTokenizer.from_gpt2(str(tmp_path))
    assert read.end_id == fast.eos_token_id
    for text in HARD:
        assert read.encode(text, parse_end=True) == fast.encode(text)
        assert read.encode(text) == fast.encode(text, split_special_tokens=True)


def test_the_library_reads_saved_files(tmp_path):
    folder = tmp_path / "new" / "folder"
    ours().save(folder)
    files = [str(folder / name) for name in ("vocab.json", "merges.txt")]
    library = ByteLevelBPETokenizer.from_file(*files)
    for text in [*HARD, REFERENCE[:5000]]:
        assert library.encode(text).ids == ours().encode(text)
    assert BytePairTokenizer.from_gpt2(folder).to_dict() == ours().to_dict()


def test_a_large_vocabulary_is_checked_in_one_pass():
    class Counted(tuple):
        passes = 0

        def __iter__(self):
            Counted.passes += 1
            return super().__iter__()

    check_fit(ours().symbols, Counted(ours().symbols))
    assert Counted.passes < 5


def test_the_end_is_parsed_only_when_asked():
    tokenizer = BytePairTokenizer([], [*BytePairTokenizer([]).symbols, END])
    assert tokenizer.end_id == 256 and BytePairTokenizer([]).end_id is None
    assert tokenizer.encode(f"{END}a{END}{END}", parse_end=True) == [256, 64, 256, 256]
    assert len(tokenizer.encode(END)) == len(END)
    assert tokenizer.decode([64, 256]) == f"a{END}"
