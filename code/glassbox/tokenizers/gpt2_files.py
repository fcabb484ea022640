"""GPT-2's tokenizer as it is published: `vocab.json` and `merges.txt`, or `tokenizer.json`."""

import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from reprlib import repr as short

from glassbox.tokenizers.base import shown


def read_files(folder: str | PathLike) -> tuple[list[list[str]], list[str]]:
    """Read the merges and symbols of a folder: two files, or the one that holds both.

    Args:
        folder: where `vocab.json` and `merges.txt` lie, or `tokenizer.json`.

    Returns:
        The merges in the order of learning, and the symbol of every id.

    Raises:
        FileNotFoundError: if the files are not there.
        ValueError: if they cannot be read as such.

    Example:
        >>> read_files("nowhere")
        Traceback (most recent call last):
        ...
        FileNotFoundError: the folder 'nowhere' lacks vocab.json and merges.txt, and has no \
tokenizer.json either; expected one or the other, as GPT-2's are published.
    """
    vocab, merges, both = (
        _checked_folder(folder) / name for name in ("vocab.json", "merges.txt", "tokenizer.json")
    )
    if vocab.is_file() and merges.is_file():
        return _read_merges(merges), _in_order(_read_json(vocab), vocab.name)
    if not both.is_file():
        lacking = [path.name for path in (vocab, merges) if not path.is_file()]
        raise FileNotFoundError(
            f"the folder {str(folder)!r} lacks {' and '.join(lacking)}, and has no tokenizer.json "
            "either; expected one or the other, as GPT-2's are published."
        )
    return _from_one_file(_read_json(both), both.name)


def write_files(
    folder: str | PathLike, merges: Iterable[Iterable[str]], symbols: Iterable[str]
) -> None:
    """Write `vocab.json` and `merges.txt`.

    Args:
        folder: where to write; it is made where it does not exist.
        merges: the pairs in the order of learning.
        symbols: the symbol of every id.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_files(folder, [("t", "h")], ["h", "t", "th"])
        ...     read_files(folder)
        ([['t', 'h']], ['h', 't', 'th'])
    """
    place = _checked_folder(folder)
    place.mkdir(parents=True, exist_ok=True)
    ids = {symbol: i for i, symbol in enumerate(symbols)}
    lines = ["#version: 0.2", *map(" ".join, merges)]
    (place / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
    (place / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _checked_folder(folder: str | PathLike) -> Path:
    """Return the path of a folder, or refuse what is none."""
    if not isinstance(folder, str | PathLike):
        raise TypeError(
            f"folder is {shown(folder)}; expected the path of a folder, such as 'data/gpt2'."
        )
    return Path(folder)


def _read_json(path: Path) -> dict:
    """Return the object that a JSON file holds."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # broken JSON, or no UTF-8
        raise ValueError(
            f"{path.name} cannot be read as JSON ({short(str(error))}); expected the file as it is "
            "published. If the download broke off, or saved a web page, take it again."
        ) from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{path.name} holds JSON of type {type(content).__name__}; expected an object, in "
            "braces. Is it another file under this name? Take the one that is published."
        )
    return content


def _read_merges(path: Path) -> list[list[str]]:
    """Return the pairs of a merges file: one a line, under a line with the version."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise ValueError(
            f"{path.name} is no text in UTF-8, as was expected of it. If the download broke off, "
            "take it again; 'Ġ' stands for a space there, so write it with encoding='utf-8'."
        ) from None
    start = lines[0].startswith("#version")
    for number, line in enumerate(lines[start:], start + 1):
        if line and len(line.split(" ")) != 2:
            raise ValueError(
                f"line {number} of {path.name} is {short(line)}; expected two symbols with a space "
                "between them, such as 't h'."
            )
    return [line.split(" ") for line in lines[start:] if line]


def _in_order(ids: dict[str, int], source: str) -> list[str]:
    """Return the symbols by id, or refuse ids that leave a gap."""
    symbols: list[str | None] = [None] * len(ids)
    for symbol, i in ids.items():
        if type(i) is not int or not 0 <= i < len(ids) or symbols[i] is not None:
            raise ValueError(
                f"{source} holds {len(ids)} symbols, but {short(symbol)} has the id {short(i)}; "
                f"expected the ids 0 to {len(ids) - 1}, each once. Take the vocabulary as it is "
                "published."
            )
        symbols[i] = symbol
    return symbols


def _from_one_file(content: dict, source: str) -> tuple[list[list[str]], list[str]]:
    """Return merges and symbols of a `tokenizer.json`, or refuse one that works otherwise."""
    model, cut = (
        part if isinstance(part, dict) else {}
        for part in (content.get("model"), content.get("pre_tokenizer"))
    )
    vocab, merges = model.get("vocab"), model.get("merges")
    whole = isinstance(vocab, dict) and isinstance(merges, list)
    as_gpt2 = cut.get("type") == "ByteLevel" and cut.get("use_regex", True)
    if model.get("type", "BPE") != "BPE" or not as_gpt2 or not whole:
        raise ValueError(
            f"{source} describes a model of type {short(model.get('type'))} that cuts text by "
            f"{short(cut.get('type'))}; expected 'BPE', with vocabulary and merges, and "
            "'ByteLevel', as in GPT-2's. Another model's tokenizer cuts otherwise: use the library "
            "that it comes with."
        )
    if cut.get("add_prefix_space") or content.get("normalizer"):
        raise ValueError(
            f"{source} changes a text before it is cut ('add_prefix_space' or 'normalizer'); "
            "expected neither, as in GPT-2's. Use the library that it comes with."
        )
    merges = [pair.split(" ") if isinstance(pair, str) else pair for pair in merges]
    added = {token["content"]: token["id"] for token in content.get("added_tokens", [])}
    return merges, _in_order(vocab | added, source)
