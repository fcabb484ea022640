"""List the files of a folder or a zip archive of hand-ins, without unpacking or following."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LARGEST_FILE = 20 * 2**20
LARGEST_TOTAL = 2**30
MOST_FILES = 20_000
IGNORED = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"}
IGNORED |= {".DS_Store", "Thumbs.db", "desktop.ini", ".gitkeep", ".gitignore"}
EXPECTED = "Expected: the folder, or the zip archive, with the notebooks that students handed in."


@dataclass(frozen=True)
class HandIn:
    """One file: its path below the given folder, its size, and how to read it."""

    path: PurePosixPath
    size: int
    read: Callable[[], bytes]
    regular: bool = True


def _ignored(path: PurePosixPath) -> bool:
    """Tell whether a path belongs to what systems leave behind: .DS_Store, checkpoints."""
    return any(part in IGNORED or part.startswith("._") for part in path.parts)


def _of_folder(folder: Path) -> Iterator[HandIn]:
    """List the files below a folder; symbolic links are listed, never followed."""
    for parent, folders, files in os.walk(folder, followlinks=False):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in files + links:
            path = Path(parent, name)
            status = path.lstat()
            inside = PurePosixPath(path.relative_to(folder).as_posix())
            yield HandIn(inside, status.st_size, path.read_bytes, stat.S_ISREG(status.st_mode))


def _member_name(info: zipfile.ZipInfo) -> PurePosixPath:
    """Return a member's path: always below the archive, in UTF-8 also where no flag says so."""
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return PurePosixPath(*(part for part in parts if part not in ("/", "..")))


def _reader(archive: Path, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    """Return a function that reads one member, and never more of it than a file may have."""

    def read() -> bytes:
        with zipfile.ZipFile(archive) as opened, opened.open(info) as member:
            return member.read(LARGEST_FILE + 1)

    return read


def _of_archive(archive: Path) -> Iterator[HandIn]:
    """List the members of a zip archive. Nothing is unpacked, so nothing lands elsewhere."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(
            f"{archive} is no folder and no readable zip archive ({error}). {EXPECTED} "
            "Fix: unpack it by hand, and give the folder."
        ) from error
    for info in members:
        if not info.is_dir():
            mode = info.external_attr >> 16
            regular = stat.S_IFMT(mode) in (0, stat.S_IFREG)
            yield HandIn(_member_name(info), info.file_size, _reader(archive, info), regular)


def hand_ins(folder: Path) -> list[HandIn]:
    """Return the files of a folder or a zip archive in the order of their paths.

    Raises:
        ValueError: if there is no such folder, no file in it, or far too much.
    """
    if not folder.exists():
        raise ValueError(f"{folder} does not exist. {EXPECTED} Fix: check the path.")
    listed = _of_folder(folder) if folder.is_dir() else _of_archive(folder)
    files: list[HandIn] = []
    for file in listed:
        if file.path.parts and not _ignored(file.path):
            files.append(file)
        if len(files) > MOST_FILES:
            raise ValueError(f"{folder} has more than {MOST_FILES} files. {EXPECTED}")
    if not files:
        raise ValueError(f"{folder} has no files in it. {EXPECTED} Fix: check the path.")
    if not folder.is_dir() and sum(file.size for file in files) > LARGEST_TOTAL:
        raise ValueError(
            f"{folder} would take more than {LARGEST_TOTAL // 2**20} MiB unpacked. Fix: unpack "
            "it by hand, take out what is no notebook, and give the folder."
        )
    return sorted(files, key=lambda file: file.path)
