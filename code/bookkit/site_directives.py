"""The two generated pages: the questions that the book answers, and how its notebooks ran."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bookkit.index import VERDICTS
from bookkit.site_dress import slug
from bookkit.toc import listed_chapters

logger = logging.getLogger(__name__)


class BookDirective(SphinxDirective):
    """A directive that reads files of the book's `chapters` folder."""

    @property
    def folder(self) -> Path:
        """The folder of the page that the directive stands on."""
        return Path(self.env.doc2path(self.env.docname)).parent

    def read(self, name: str, load: Callable[[str], Any]) -> Any:
        """Read a file beside the page, and rebuild the page whenever it changes."""
        path = self.folder / name
        self.env.note_dependency(str(path))
        return load(path.read_text(encoding="utf-8"))

    def notebooks(self) -> list[str]:
        """Return the stems of the notebooks beside the page, in the order of the book."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / "_toc.yml"))
        order = [Path(name).stem for name in listed_chapters(root)]
        return [stem for stem in order if (self.folder / f"{stem}.ipynb").exists()]

    def notebook(self, stem: str) -> dict[str, Any]:
        """Return a notebook as it is stored."""
        return self.read(f"{stem}.ipynb", json.loads)

    def fault(self, message: str) -> None:
        """Report what is wrong with the data behind the page."""
        logger.warning(message, location=self.get_location())

    def markdown(self, text: str) -> list[nodes.Node]:
        """Render a line of Markdown, with its formulas and code."""
        holder = nodes.Element()
        self.state.nested_parse(StringList([text], self.env.docname), self.content_offset, holder)
        return [child for paragraph in holder.children for child in paragraph.children]


class Questions(BookDirective):
    """The questions and claims of `questions.yml`, chapter by chapter, each with its cell."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each chapter."""
        entries = self.read("questions.yml", yaml.safe_load) or []
        known = self.notebooks()
        for entry in entries:
            if entry["page"] not in known:
                self.fault(f"questions.yml: {entry['id']} is on a page {entry['page']!r}, unknown")
        return [
            self._chapter(stem, [entry for entry in entries if entry["page"] == stem])
            for stem in known
            if any(entry["page"] == stem for entry in entries)
        ]

    def _chapter(self, stem: str, entries: list[dict[str, str]]) -> nodes.section:
        """Return the questions of a chapter, then the claims about its subject."""
        notebook = self.notebook(stem)
        cells = {cell["id"] for cell in notebook["cells"] if cell["cell_type"] == "code"}
        for entry in entries:
            if entry["cell"] not in cells:
                self.fault(
                    f"questions.yml: {entry['id']} names {entry['cell']!r}, no cell of {stem}"
                )
        section = _section(f"about-{stem}", _title(notebook))
        for kind, heading in (("question", "Questions"), ("claim", "Common claims")):
            chosen = [entry for entry in entries if kind in entry]
            if chosen:
                section += nodes.rubric("", heading, classes=["questions-heading"])
                section += nodes.bullet_list(
                    "", *(self._entry(entry, kind) for entry in chosen), classes=["questions"]
                )
        return section

    def _entry(self, entry: dict[str, str], kind: str) -> nodes.list_item:
        """Return a question with its answer, or a claim with its verdict and answer."""
        item = nodes.list_item(classes=[kind], ids=[entry["id"].lower()])
        asked = nodes.paragraph("", "", *self.markdown(str(entry[kind])), classes=["asked"])
        item += asked
        answer = nodes.paragraph("", "", classes=["answer"])
        if kind == "claim":
            verdict = str(entry["verdict"]).lower()
            if verdict not in VERDICTS:
                self.fault(f"questions.yml: {entry['id']} has the verdict {verdict!r}, unknown")
            answer += nodes.inline("", verdict, classes=["badge", f"badge-{slug(verdict)}"])
            answer += nodes.Text(" ")
        answer += self.markdown(str(entry["answer"]))
        item += answer
        item += nodes.paragraph("", "", self._link(entry), classes=["shown"])
        return item

    def _link(self, entry: dict[str, str]) -> nodes.reference:
        """Return the link to the cell that settles the matter."""
        page = self.env.app.builder.get_relative_uri(
            self.env.docname, str(Path(self.env.docname).with_name(entry["page"]).as_posix())
        )
        name = entry["cell"].replace("-", " ")
        return nodes.reference(
            "", f"See it run: {name}", internal=True, refuri=f"{page}#{entry['cell']}"
        )


class Execution(BookDirective):
    """What running the notebooks took, and how much of their output is compared."""

    def run(self) -> list[nodes.Node]:
        """Return a table of the notebooks, and the reason for each exempt cell."""
        runs = self.read("execution.json", json.loads)["notebooks"]
        rows, reasons = [], []
        for stem in self.notebooks():
            notebook = self.notebook(stem)
            cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
            exempt = [cell for cell in cells if "exempt" in cell["metadata"]]
            if stem not in runs:
                self.fault(f"execution.json has no run of {stem}: run `make notebooks`")
            seconds = runs.get(stem, {}).get("seconds", 0)
            compared = len(cells) - len(exempt)
            rows.append((_title(notebook), stem, seconds, len(cells), compared, len(exempt)))
            reasons += [(stem, cell["id"], cell["metadata"]["exempt"]) for cell in exempt]
        return [_execution_table(rows), self._reasons(reasons)]

    def _reasons(self, reasons: list[tuple[str, str, str]]) -> nodes.Node:
        """Return the exempt cells with their reasons."""
        if not reasons:
            return nodes.paragraph("", "No cell is exempt: every stored output is compared.")
        return nodes.bullet_list(
            "",
            *(
                nodes.list_item(
                    "",
                    nodes.paragraph(
                        "",
                        "",
                        nodes.reference(
                            "", f"{stem}: {cell}", refuri=f"{stem}.html#{cell}", internal=True
                        ),
                        nodes.Text(f" is exempt: {reason}"),
                    ),
                )
                for stem, cell, reason in reasons
            ),
        )


def _execution_table(rows: list[tuple[str, str, float, int, int, int]]) -> nodes.table:
    """Return a row for each notebook and one for all of them."""
    headings = ("Notebook", "Run time", "Code cells", "Compared", "Exempt")
    body = [
        (
            nodes.reference("", title, refuri=f"{stem}.html", internal=True),
            _time(seconds),
            *map(str, counts),
        )
        for title, stem, seconds, *counts in rows
    ]
    totals = [sum(row[column] for row in rows) for column in range(2, 6)]
    body.append(("All notebooks", _time(totals[0]), *map(str, totals[1:])))
    group = nodes.tgroup("", *(nodes.colspec() for _ in headings), cols=len(headings))
    group += nodes.thead("", _row(headings))
    group += nodes.tbody("", *map(_row, body))
    return nodes.table("", group, classes=["execution"])


def _row(entries: tuple[nodes.Node | str, ...]) -> nodes.row:
    """Return a table's row of texts and nodes."""
    contents = (nodes.Text(entry) if isinstance(entry, str) else entry for entry in entries)
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", each)) for each in contents))


def _time(seconds: float) -> str:
    """Return a run time for reading.

    Example:
        >>> _time(11.6), _time(75), _time(0.2)
        ('12 s', '1 min 15 s', 'under 1 s')
    """
    if seconds < 1:
        return "under 1 s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _section(name: str, title: str) -> nodes.section:
    """Return an empty section that the page's own contents list shows."""
    return nodes.section("", nodes.title("", title), ids=[name], names=[name])


def _title(notebook: dict[str, Any]) -> str:
    """Return a notebook's heading of the first level."""
    lines = "".join(notebook["cells"][0]["source"]).splitlines()
    return next(line.removeprefix("# ").strip() for line in lines if line.startswith("# "))
