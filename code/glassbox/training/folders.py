"""Folders that are there as a whole or not at all, and that notice when a byte has changed."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from hashlib import file_digest
from pathlib import Path

SUMS = "SHA256SUMS"
"""The file with the checksums of the others; `sha256sum -c SHA256SUMS` checks them too."""
_WRITING, _REMOVING = ".writing-", ".removing-"


def write_folder(folder: Path, writers: dict[str, Callable[[Path], object]]) -> None:
    """Write files into a folder that appears under its name only when all of them are on the disk.

    Args:
        folder: where they will be; a folder that is there already is replaced.
        writers: by the name of a file, what writes it to a path.

    Raises:
        OSError: if a file cannot be written; nothing is left of the folder then.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    clean(folder.parent)
    unfinished = folder.with_name(_WRITING + folder.name)
    unfinished.mkdir()
    try:
        for name, write in writers.items():
            write(unfinished / name)
            _flush(unfinished / name)
        (unfinished / SUMS).write_text(_sums(unfinished, writers), encoding="utf-8")
        _flush(unfinished / SUMS)
        _flush(unfinished)
        remove_folder(folder)
        unfinished.rename(folder)
    except Exception:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _flush(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, which loses its name first: killed on the way, it is no half folder."""
    if folder.exists():
        condemned = folder.with_name(_REMOVING + folder.name)
        folder.rename(condemned)
        shutil.rmtree(condemned)


def clean(parent: Path) -> None:
    """Remove what a process that was killed has left."""
    for start in (_WRITING, _REMOVING):
        for leftover in parent.glob(f"{start}*"):
            shutil.rmtree(leftover)


def damage(folder: Path, names: Sequence[str]) -> str | None:
    """Return what is wrong with a folder that `write_folder` wrote, or None where nothing is.

    Args:
        folder: the folder.
        names: the files that belong into it.
    """
    for name in [*names, SUMS]:
        if not (folder / name).is_file():
            return f"{name} is missing"
    for name in names:
        if not sound(folder, name):
            return f"{name} is not what was saved (its SHA-256 differs from the one in {SUMS})"
    lines = len(_written(folder))
    return None if lines == len(names) else f"{SUMS} has {lines} lines"


def sound(folder: Path, name: str) -> bool:
    """Return whether a file is there and is what was saved."""
    there = (folder / name).is_file() and (folder / SUMS).is_file()
    return there and _sums(folder, [name]).encode() in _written(folder)


def _written(folder: Path) -> list[bytes]:
    """Return the lines of the file with the checksums."""
    return (folder / SUMS).read_bytes().splitlines(keepends=True)


def _sums(folder: Path, names: Iterable[str]) -> str:
    """Return the checksums of files, in the form that the program sha256sum reads."""
    lines = []
    for name in names:
        with (folder / name).open("rb") as file:
            lines.append(f"{file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return "".join(lines)


def _flush(path: Path) -> None:
    """Wait until a file or folder is on the disk, so that a loss of power cannot undo it."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no such call for folders
    # Windows flushes only what is open for writing.
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
