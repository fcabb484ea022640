"""Whose file is it? Read it off the names that Colab, browsers and learning platforms give."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

MOODLE = re.compile(r"^(?P<who>.+?)_(?P<tag>\d+)_assignsubmission(?:_[a-z]+_?)?(?P<rest>.*)$", re.S)
CANVAS = re.compile(r"^(?P<who>[^_]+)(?:_LATE)?_(?P<tag>\d+)_\d+_(?P<rest>.*)$", re.S)
BLACKBOARD = re.compile(
    r"^.*_(?P<who>[^_]+)_attempt_(?P<tag>)\d{4}(?:-\d\d){5}_?(?P<rest>.*)$", re.S
)
COPY_OF = r"(?:^|[\s_-])(?:copy of|kopie von|copie de|copia de|cópia de)(?=[\s_-])"
COPIES = r"[\s_-]copy[\s_-]?\d*(?![^\W\d_])|的副本"
NUMBER = re.compile(r"\s*\((\d{1,4})\)")
# Words in file names that name nobody.
NO_NAMES = {"final", "old", "new", "draft", "done", "version", "backup", "fixed", "late"}
NO_NAMES |= {"answer", "answers", "solution", "solutions", "notebook", "colab", "untitled"}
NO_NAMES |= {"problem", "set", "ps", "hw", "homework", "assignment"}
NO_NAMES |= {"submission", "submissions", "download", "downloads"}
NO_NAMES |= {"student", "students", "copy", "file", "hand-in", "hand-ins"}
FORBIDDEN = re.compile(r'[/\\:*?"<>|\[\]{}]')


@dataclass(frozen=True)
class Owner:
    """The student that a path names; `tag` is the number that Moodle or Canvas adds to it."""

    name: str
    raw: str
    tag: str = ""


def tidy(name: str) -> str:
    """Return a name with one space between words, letters composed, no invisible characters."""
    name = unicodedata.normalize("NFC", name)
    name = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(name.split())


def safe_name(name: str) -> str:
    """Return a student's name as it may stand in a path on every system.

    Example:
        >>> safe_name("..Ada  [CS/1]")
        '__Ada _CS_1_'
    """
    name = FORBIDDEN.sub("_", tidy(name))
    dots = len(name) - len(name.lstrip("."))
    return "_" * dots + name[dots:].rstrip(".")


def stem(file: str) -> str:
    """Return a file name without '.ipynb', wherever a system put it, and the last extension."""
    bare = re.sub(r"\.ipynb(?![^\W\d_])", "", file, flags=re.I)
    return bare if bare != file else PurePosixPath(file).stem


def _set_name(sets: Collection[str]) -> str:
    """Return a pattern for the name of any set, standing by itself."""
    names = (re.split(r"[\s_-]+", name) for name in sorted(sets, key=len, reverse=True))
    either = "|".join(r"[\s_-]+".join(map(re.escape, words)) for words in names)
    return rf"(?<![^\W\d_])(?:{either or '(?!)'})(?![^\W\d_])"


def version(file: str, sets: Collection[str]) -> int:
    """Return the number that a browser or Canvas adds to a file that it has already.

    Canvas adds '-1'. Elsewhere that counts right behind a set's name only: 'ada-1' is a name.

    Example:
        >>> names = ("a.ipynb", "a (2).ipynb", "ada_12_34_x-1.ipynb", "a-3.ipynb", "ada-7.ipynb")
        >>> [version(name, ["a"]) for name in names]
        [0, 2, 1, 3, 0]
    """
    bare = stem(file).strip()
    numbers = NUMBER.findall(bare)
    before = "" if CANVAS.match(bare) else _set_name(sets)
    numbers += re.findall(rf"{before}-(\d{{1,2}})$", NUMBER.sub("", bare), re.I)
    return max(map(int, numbers), default=0)


def name_left(text: str, sets: Collection[str]) -> str:
    """Return what is left of a file's or a folder's name without set, copies and numbers.

    Example:
        >>> name_left("Copy of Ada_Lovelace - attention (2)", ["attention"])
        'Ada Lovelace'
    """
    text = re.sub(r'[“”"„]', " ", tidy(text)).strip()
    text = re.sub(COPY_OF, " ", text, flags=re.I)
    text = re.sub(COPIES, "", text, flags=re.I)
    text = NUMBER.sub("", text.strip())
    text = re.sub(rf"{_set_name(sets)}(?:-\d{{1,2}}$)?", " - ", text, flags=re.I)
    # A dash inside of a name stays: 'Jean-Luc'.
    words = [word.strip("-–—.,;+#&()") for word in re.split(r"[\s_]+", text)]
    words = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not re.fullmatch(r"v\d{1,2}", word) and not (_counts(word) and not _is_name(before))
    ]
    named = any(word and word.casefold() not in NO_NAMES for word in words)
    return tidy(" ".join(words)) if named else ""


def _counts(word: str) -> bool:
    """Tell whether a word is a short number: longer ones are students' numbers."""
    return bool(re.fullmatch(r"\d{1,4}", word))


def _is_name(word: str) -> bool:
    """Tell whether a number behind a word belongs to a name, as in 'Group 3', 'Student 07'."""
    return bool(word) and (word.casefold() == "student" or word.casefold() not in NO_NAMES)


def _from_system(text: str) -> tuple[Owner, str] | None:
    """Return the owner in a name by a learning platform, and what follows; None for other names."""
    match = MOODLE.match(text) or CANVAS.match(text) or BLACKBOARD.match(text)
    if not match:
        return None
    raw = tidy(match["who"])
    return Owner(safe_name(raw), raw, match["tag"]), match["rest"]


def owner(path: PurePosixPath, sets: Collection[str]) -> Owner | None:
    """Return the student whom a path below the given folder names, or None.

    A folder that is not named like a problem set names the student, else the file does.
    """
    for part in path.parts[:-1]:
        if found := _from_system(part):
            return found[0]
        if name_left(part, sets):
            return Owner(safe_name(part), tidy(part))
    bare = stem(path.name)
    if found := _from_system(bare):
        return found[0]
    left = name_left(bare, sets)
    return Owner(safe_name(left), left) if left else None


def without_wrapper(paths: list[PurePosixPath], sets: Collection[str]) -> bool:
    """Tell whether the one folder around all paths names no student but was added by packing.

    It names nobody if several folders, or files with different names in them, lie in it.
    """
    if len({path.parts[0] for path in paths}) != 1 or any(len(p.parts) == 1 for p in paths):
        return False
    if _from_system(paths[0].parts[0]):
        return False
    folders = {path.parts[1] for path in paths if len(path.parts) > 2}
    students = {tidy(name) for name in folders if name_left(name, sets)}
    files = (PurePosixPath(p.name) for p in paths if len(p.parts) == 2 and p.suffix == ".ipynb")
    students |= {found.name for file in files if (found := owner(file, sets))}
    return len(students) > 1
