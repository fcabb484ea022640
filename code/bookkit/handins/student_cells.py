"""Read the cells of a notebook that a student handed in; nothing of it is ever run."""

import ast
import json
import re
import warnings
from dataclasses import dataclass
from functools import cached_property

DOWNLOAD = "In Colab: File, Download, Download .ipynb. In Jupyter: File, Download."
# Cell magics whose body is Python of the notebook itself; after others it is text or a shell's.
PYTHON_MAGICS = ("time", "timeit", "capture", "prun")
LONGEST_PARSED = 100_000
OTHER_FORMATS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a web page (HTML)",
}


class Unreadable(Exception):
    """A file is no notebook. The message says what was found and the likely fix."""


def plain(text: str) -> str:
    """Return a text without what editors and systems add: byte order marks, CR, spaces at ends.

    Example:
        >>> plain("\\ufeffx = 1  \\r\\ny = 2\\n\\n")
        'x = 1\\ny = 2'
    """
    text = text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be saved
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def squeezed(text: str) -> str:
    """Return a text without any white space: equal for cells that only look different."""
    return "".join(text.replace("\ufeff", "").split())


def python_part(source: str) -> str:
    """Replace the commands of IPython by statements that Python can parse."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        source = rest if first[2:].split(" ")[0] in PYTHON_MAGICS else ""
    source = re.sub(r"^(\s*)([%!?].*|[\w.]+\?+\s*)$", r"\1pass", source, flags=re.M)
    return re.sub(r"=\s*[%!][^\n=].*$", "= None", source, flags=re.M)


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell's Python, or None where there is none."""
    if len(source) > LONGEST_PARSED:
        return None
    for text in (source, python_part(source)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in a string is the student's affair
                return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that run in the cell's own scope, those in `if` and `try` too."""
    found = []
    for node in body:
        found.append(node)
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With):
                found += _statements(getattr(node, part, []))
    return found


def defined_names(source: str) -> frozenset[str]:
    """Return the functions and classes that a cell defines, also if it has syntax errors.

    Example:
        >>> sorted(defined_names("%%time\\ndef scores(q, k):\\n    return q k"))
        ['scores']
    """
    tree = parsed(source)
    if tree is None:
        pattern = r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)\b"
        return frozenset(re.findall(pattern, python_part(source), re.M))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return frozenset(node.name for node in _statements(tree.body) if isinstance(node, kinds))


def bound_names(source: str) -> frozenset[str]:
    """Return the names to which a cell assigns, as in `scores = lambda q, k: q @ k.T`."""
    tree = parsed(source)
    nodes = _statements(tree.body) if tree else []
    targets = [t for node in nodes if isinstance(node, ast.Assign) for t in node.targets]
    return frozenset(t.id for t in targets if isinstance(t, ast.Name))


@dataclass(frozen=True)
class StudentCell:
    """One cell of a hand-in: its number from 1, its kind, its text, and what it is labelled as."""

    number: int
    kind: str
    text: str
    grade_id: str = ""
    ids: frozenset[str] = frozenset()

    @cached_property
    def code(self) -> str:
        """The cell's Python; of a text cell, what stands between the fences, if there are any."""
        fence = re.search(r"^```\w*\n(.*?)^```", self.text, re.S | re.M)
        return plain(fence[1]) if fence and self.kind != "code" else self.text

    @cached_property
    def defined(self) -> frozenset[str]:
        """The functions and classes that the cell defines."""
        return defined_names(self.code)

    @cached_property
    def squeezed(self) -> str:
        """The text without white space."""
        return squeezed(self.text)


def _cell(number: int, raw: object) -> StudentCell | None:
    """Read one cell as leniently as possible: only its text and its labels are needed."""
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    nbgrader = metadata.get("nbgrader")
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else ""
    ids = {i for i in (raw.get("id"), metadata.get("id")) if isinstance(i, str) and i}
    return StudentCell(
        number,
        str(raw.get("cell_type", "raw")),
        plain(source) if isinstance(source, str) else "",
        grade_id if isinstance(grade_id, str) else "",
        frozenset(ids),
    )


def _decoded(data: bytes) -> str:
    """Return the text of a file, or say what the file is instead."""
    if not data.strip():
        raise Unreadable(f"the file is empty. Download the notebook once more. {DOWNLOAD}")
    for start, what in OTHER_FORMATS.items():
        if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            raise Unreadable(f"this is {what}, not a notebook. {DOWNLOAD}")
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"the file is not text in UTF-8 (byte {error.start}): it is damaged or no notebook. "
            f"Download the notebook once more. {DOWNLOAD}"
        ) from error


def read_cells(data: bytes) -> list[StudentCell]:
    """Return the cells of a notebook file; raise Unreadable where it is none."""
    try:
        content = json.loads(_decoded(data))
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            "the file is not JSON, so no notebook: perhaps the download stopped early, or the "
            f"file was edited by hand. Download the notebook once more. {DOWNLOAD}"
        ) from error
    content = content if isinstance(content, dict) else {}
    version = content.get("nbformat", 4)
    if "worksheets" in content or (isinstance(version, int | float) and version < 4):
        raise Unreadable(
            f"the notebook is in the old format {version}. Open it in Jupyter or Colab, save it, "
            "and hand in the new file."
        )
    if "doc_id" in content or ("url" in content and "cells" not in content):
        raise Unreadable(f"this is a link to a file in Google Drive, not a notebook. {DOWNLOAD}")
    if not isinstance(content.get("cells"), list):
        raise Unreadable(f"the file is JSON, but no notebook: it has no list 'cells'. {DOWNLOAD}")
    if version != 4:
        raise Unreadable(f"the notebook has format {version}, expected 4. Save it with Jupyter.")
    cells = (_cell(number, raw) for number, raw in enumerate(content["cells"], 1))
    return [cell for cell in cells if cell is not None]
