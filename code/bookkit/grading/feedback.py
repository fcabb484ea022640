"""A page for each student: points, what each failed test said, and the own answer."""

import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from bookkit.grading.course import Graded, Part
from bookkit.grading.pointers import with_links
from bookkit.grading.report import problems

TEMPLATE = Path(__file__).with_name("feedback.html")


@dataclass(frozen=True)
class Problem:
    """A problem as a student's page shows it."""

    name: str
    title: str
    points: str
    parts: list[Part]
    sources: list[str]

    def short(self, part: Part) -> str:
        """Return what a test is called within its problem."""
        words = part.cell.removeprefix(self.name).strip("-").replace("-", " ")
        return words.capitalize() or "Answer"

    def said(self, part: Part) -> Markup:
        """Return what a test or a person said, as a sentence with links into the book."""
        sentence = part.message[:1].upper() + part.message[1:]
        return with_links(sentence or ("Passed." if part.points else ""))


def write_feedback(path: Path, graded: Graded) -> None:
    """Write a student's page. It stands alone, and shows no tests.

    Args:
        path: the file to write.
        graded: what the student got.
    """
    page = Environment(autoescape=True, trim_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    path.write_text(
        page.render(
            graded=graded,
            title=heading(graded, "# ") or graded.assignment,
            problems=[_problem(graded, name, parts) for name, parts in problems(graded).items()],
            unread=any(part.points is None for part in graded.parts),
        ),
        encoding="utf-8",
    )


def heading(graded: Graded, marks: str, cell_id: str = "") -> str:
    """Return the first heading with these marks, of one cell or of the whole notebook."""
    for cell in graded.notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        wanted = cell.cell_type == "markdown" and cell_id in ("", name)
        if wanted and (found := re.search(rf"^{marks}(.+)$", cell.source, flags=re.M)):
            return found[1].strip()
    return ""


def _problem(graded: Graded, name: str, parts: list[Part]) -> Problem:
    """Gather what a page shows of one problem."""
    known = sum(part.points or 0 for part in parts)
    most = sum(part.most for part in parts)
    unread = any(part.points is None for part in parts)
    sources = [
        cell.source
        for cell in graded.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{name}-answer"
    ]
    return Problem(
        name,
        heading(graded, "## ", name) or name,
        f"not read yet, of {most:g}" if unread else f"{known:g} of {most:g}",
        parts,
        sources,
    )
