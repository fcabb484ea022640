"""Turn a folder of hand-ins, as students and systems name them, into clean notebooks."""

import hashlib
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode

from bookkit.handins.answers import NotRecovered, in_words
from bookkit.handins.files import LARGEST_FILE, HandIn, hand_ins
from bookkit.handins.forms import Form, which_set
from bookkit.handins.owners import Owner, owner, tidy, version, without_wrapper
from bookkit.handins.recover import rebuild
from bookkit.handins.student_cells import DOWNLOAD, StudentCell, Unreadable, read_cells

CANNOT_READ = (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Submission:
    """One student's hand-in for one set.

    Attributes:
        student: the student's name; it can be the name of a file.
        assignment: the name of the set.
        notebook: the released notebook with the student's answers and own code cells.
        file: where the hand-in came from.
        notes: what was recovered, left out or not found.
    """

    student: str
    assignment: str
    notebook: NotebookNode
    file: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A hand-in that cannot be graded.

    Attributes:
        student: the student's name, or the file's if that names nobody.
        file: where the hand-in came from.
        reason: what was found, and what to do about it.
    """

    student: str
    file: str
    reason: str


@dataclass(frozen=True)
class _Opened:
    """A file that is a notebook of a set, with its owner."""

    owner: Owner
    file: HandIn
    assignment: str
    cells: tuple[StudentCell, ...]

    @property
    def content(self) -> str:
        """A fingerprint of the cells' texts."""
        texts = "\0".join(f"{cell.kind}\1{cell.text}" for cell in self.cells)
        return hashlib.sha256(texts.encode()).hexdigest()


def collect(
    folder: Path, releases: dict[str, NotebookNode]
) -> tuple[list[Submission], list[Refused]]:
    """Return what can be graded in a folder or zip archive of hand-ins, and what cannot.

    Nothing of a notebook is run. A file that cannot be read never stops the others.

    Args:
        folder: The folder, or the zip archive, as downloaded.
        releases: The notebook that students were given, for each set.

    Returns:
        The hand-ins, and those that were refused, each with its reason.

    Raises:
        ValueError: if there is no such folder, or nothing in it.
    """
    forms = {name: Form(notebook) for name, notebook in releases.items()}
    files = hand_ins(Path(folder))
    if without_wrapper([file.path for file in files], forms):
        files = [replace(f, path=PurePosixPath(*f.path.parts[1:])) for f in files]
    notebooks = [file for file in files if ".ipynb" in file.path.name.casefold()]
    read: list[_Opened] = []
    refused: list[Refused] = []
    for file in notebooks:
        result = _read(file, forms)
        (read if isinstance(result, _Opened) else refused).append(result)
    refused += _without_notebook(files, notebooks, forms)
    read, twins = _one_student_a_name(read)
    given: list[Submission] = []
    groups = defaultdict(list)
    for one in read:
        groups[one.owner.name, one.assignment].append(one)
    for group in groups.values():
        graded = _newest(group, forms)
        (given if isinstance(graded, Submission) else refused).append(graded)
    by_name = attrgetter("student", "file")
    return sorted(given, key=by_name), sorted(refused + twins, key=by_name)


def _read(file: HandIn, forms: dict[str, Form]) -> _Opened | Refused:
    """Read a notebook, and tell whose it is and of which set; or say why that is impossible."""
    whose = owner(file.path, forms)
    try:
        cells = tuple(read_cells(_bytes(file)))
        if whose is None:
            raise Unreadable(
                "cannot tell whose file it is. Rename it to 'Name - "
                f"{next(iter(forms), 'set')}.ipynb', or put it into a folder named after the "
                "student."
            )
        return _Opened(whose, file, which_set(list(cells), forms), cells)
    except (Unreadable, NotRecovered) as error:
        return _refused(whose, file, str(error))
    except Exception as error:  # whatever a file holds, the others are graded
        return _refused(whose, file, f"cannot be read ({type(error).__name__}: {error})")


def _refused(whose: Owner | None, file: HandIn, reason: str) -> Refused:
    """Refuse a file in the name of its student, or in its own if it names nobody."""
    return Refused(whose.name if whose else tidy(file.path.name), str(file.path), reason)


def _bytes(file: HandIn) -> bytes:
    """Return what a file holds; raise Unreadable if it is a link, too large, or unreadable."""
    name = file.path.name.casefold()
    if not file.regular:
        raise Unreadable("this is a symbolic link or no file at all. Hand in the notebook itself.")
    if name.endswith(".gdoc"):
        raise Unreadable(f"this is a link to a file in Google Drive, not a notebook. {DOWNLOAD}")
    if not name.endswith(".ipynb"):
        raise Unreadable(
            f"the file's name ends in {PurePosixPath(name).suffix!r}, not in '.ipynb'. If it is "
            f"the notebook, rename it; else download it once more. {DOWNLOAD}"
        )
    limit = LARGEST_FILE // 2**20
    too_large = f"the file is over {limit} MiB. Clear the outputs of all cells, and save again."
    if file.size > LARGEST_FILE:
        raise Unreadable(too_large)
    try:
        data = file.read()
    except CANNOT_READ as error:
        raise Unreadable(
            f"the file cannot be read ({error}): is it locked by a password, or damaged?"
        ) from error
    if len(data) > LARGEST_FILE:
        raise Unreadable(too_large)
    return data


def _without_notebook(
    files: list[HandIn], notebooks: list[HandIn], forms: dict[str, Form]
) -> list[Refused]:
    """Refuse students who handed in files of other kinds only, in one line each."""
    with_notebook = {o.name for f in notebooks if (o := owner(f.path, forms))}
    others: dict[str, list[HandIn]] = defaultdict(list)
    for file in files:
        whose = owner(file.path, forms)
        name = whose.name if whose else tidy(file.path.name)
        if file not in notebooks and name not in with_notebook:
            others[name].append(file)
    refused = []
    for name, own in others.items():
        names = in_words(tidy(file.path.name) for file in own)
        kinds = {file.path.suffix.casefold() for file in own}
        fix = f"Hand in the notebook. {DOWNLOAD}"
        if ".zip" in kinds:
            fix = "Unpack the archive into this student's folder, and grade again."
        elif kinds & {".py", ".gdoc", ".html", ".htm"}:
            fix = f"Download it as .ipynb. {DOWNLOAD}"
        where = in_words(str(file.path) for file in own)
        refused.append(Refused(name, where, f"handed in {names}, no notebook. {fix}"))
    return refused


def _one_student_a_name(read: list[_Opened]) -> tuple[list[_Opened], list[Refused]]:
    """Refuse the hand-ins of a second student whose name comes out the same.

    The same name under two numbers of Moodle or Canvas is one student in two sets, and two
    students in one.
    """
    kept: list[_Opened] = []
    refused: list[Refused] = []
    first: dict[str, Owner] = {}
    tags: dict[tuple[str, str], str] = {}
    for one in read:
        whose = one.owner
        known = first.setdefault(whose.name.casefold(), whose)
        tag = whose.tag and tags.setdefault((whose.name.casefold(), one.assignment), whose.tag)
        if known.raw.casefold() != whose.raw.casefold() or tag != whose.tag:
            reason = (
                f"two students come out as {known.name!r}: this file and that of {known.raw!r}. "
                "Rename the folder, or the file, of one of them."
            )
            refused.append(_refused(whose, one.file, reason))
        else:
            kept.append(replace(one, owner=known))
    return kept, refused


def _newest(group: list[_Opened], forms: dict[str, Form]) -> Submission | Refused:
    """Return the newest of a student's files for a set, rebuilt; or say why it is unclear."""
    numbers = [version(one.file.path.name, forms) for one in group]
    newest = [o for o, number in zip(group, numbers, strict=True) if number == max(numbers)]
    one, files = newest[0], in_words(str(o.file.path) for o in newest)
    if len({o.content for o in newest}) > 1:
        reason = f"{files} differ, and no number tells which is newer. Delete all but one."
        return Refused(one.owner.name, files, reason)
    same = [str(o.file.path) for o in group if o is not one and o.content == one.content]
    older = [str(o.file.path) for o in group if o.content != one.content]
    notes = [f"{one.file.path} counted, not {in_words(older, 'or')}"] if older else []
    notes += [f"{in_words(same)}: the same content once more"] if same else []
    try:
        notebook, recovered = rebuild(list(one.cells), forms[one.assignment])
    except NotRecovered as error:
        return _refused(one.owner, one.file, str(error))
    except Exception as error:  # whatever a file holds, the others are graded
        return _refused(one.owner, one.file, f"not recovered ({type(error).__name__}: {error})")
    notes += recovered
    file = str(one.file.path)
    return Submission(one.owner.name, one.assignment, notebook, file, tuple(notes))
