"""A page of the book as the checks see it: its cells, and its prose parsed as Markdown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

ROOT = Path(__file__).resolve().parents[2]

PARSER = (
    MarkdownIt("commonmark")
    .enable(["table", "strikethrough"])
    .use(dollarmath_plugin, double_inline=True)
    .use(front_matter_plugin)
    .use(colon_fence_plugin)
)

# Directives of MyST whose body is prose like any other. The body of the rest is not.
PROSE_DIRECTIVES = re.compile(
    r"\{(note|tip|hint|warning|important|caution|danger|attention|seealso|admonition|dropdown"
    r"|margin|sidebar|glossary|list-table|table|figure|grid|grid-item|card|div|container"
    r"|tab-set|tab-item|epigraph|topic)(-[a-z]+)*\}"
)
HIDDEN_HTML = re.compile(r"<(script|style|svg|code|pre)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL)
TAG = re.compile(r"</?[A-Za-z][^>]*>")


@dataclass(frozen=True)
class Fault:
    """One thing wrong on one page. `cell` is a cell's id, or a line of a Markdown file."""

    page: str
    cell: str
    message: str

    def __str__(self) -> str:
        """Read as one line of a report."""
        return f"{self.page} [{self.cell}]: {self.message}"


@dataclass(frozen=True)
class Run:
    """A stretch of one kind inside a paragraph: text, code, math, image or html."""

    kind: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Block:
    """A paragraph, heading, row, directive, fence of code or lump of HTML, and where it stands."""

    kind: str
    cell: str
    line: int
    runs: tuple[Run, ...] = ()
    level: int = 0
    info: str = ""
    links: tuple[tuple[str, str], ...] = field(default=())

    @property
    def text(self) -> str:
        """All of it as plain text, formulas left out (as in the slug of a heading)."""
        return "".join(run.text for run in self.runs if run.kind in ("text", "code"))


def _runs(inline) -> tuple[list[Run], list[tuple[str, str]]]:
    """Flatten an inline token into runs, and the list of (url, text) of its links."""
    runs, links, url, label = [], [], "", ""
    for token in inline.children or []:
        if token.type == "link_open":
            url, label = str(token.attrGet("href") or ""), ""
        elif token.type == "link_close":
            links.append((url, label))
            url = ""
        elif token.type == "image":
            runs.append(Run("image", token.content, str(token.attrGet("src") or "")))
        elif token.type in ("softbreak", "hardbreak"):
            runs.append(Run("text", " ", url))
        elif token.type == "code_inline":
            runs.append(Run("code", token.content, url))
            label += token.content
        elif token.type.startswith("math"):
            runs.append(Run("math", token.content, url))
        elif token.type == "html_inline":
            runs.append(Run("html", token.content, url))
        elif token.content:
            runs.append(Run("text", token.content, url))
            label += token.content
    return runs, links


def parse(source: str, cell: str, first_line: int = 0) -> Iterator[Block]:
    """Yield the blocks of a Markdown text, those inside prose directives included."""
    level, row = 0, None
    for token in PARSER.parse(source):
        line = first_line + (token.map[0] if token.map else 0)
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "tr_open":
            row = Block("row", cell, line)
        elif token.type == "tr_close":
            yield row
            row = None
        elif token.type == "inline":
            runs, links = _runs(token)
            if row is not None:
                joined = (*row.runs, *runs, Run("text", " | "))
                row = replace(row, runs=joined, links=(*row.links, *links))
            else:
                kind = "heading" if level else "paragraph"
                yield Block(kind, cell, line, tuple(runs), level, links=tuple(links))
        elif token.type in ("fence", "colon_fence") and PROSE_DIRECTIVES.match(token.info.strip()):
            yield Block("directive", cell, line, info=token.info.strip())
            yield from parse(token.content, cell, line + 1)
        elif token.type in ("fence", "colon_fence", "code_block"):
            code = (Run("code", token.content),)
            yield Block("code", cell, line, code, info=token.info.strip())
        elif token.type == "html_block":
            shown = TAG.sub(" ", HIDDEN_HTML.sub(" ", token.content))
            runs = (Run("html", token.content), Run("text", shown))
            yield Block("html", cell, line, runs)


class Page:
    """A notebook or a Markdown file of the book."""

    def __init__(self, path: Path, root: Path = ROOT):
        """Hold the page at `path`; faults name it relative to `root`."""
        self.path, self.root = Path(path).resolve(), Path(root).resolve()
        inside = self.path.is_relative_to(self.root)
        self.name = (self.path.relative_to(self.root) if inside else self.path).as_posix()
        self.is_notebook = self.path.suffix == ".ipynb"

    def __repr__(self) -> str:
        """Name the page in pytest's reports."""
        return f"Page({self.name!r})"

    def fault(self, cell: str, message: str) -> Fault:
        """Make a fault of this page."""
        return Fault(self.name, cell, message)

    @cached_property
    def source(self) -> str:
        """The file as it stands on the disk."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        """The notebook as stored: nothing is repaired or validated on the way."""
        return nbformat.v4.reads_json(self.source)

    @property
    def cells(self) -> list[nbformat.NotebookNode]:
        """All cells of a notebook."""
        return self.notebook.cells

    @property
    def code_cells(self) -> list[nbformat.NotebookNode]:
        """The code cells of a notebook, in order."""
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def blocks(self) -> list[Block]:
        """The prose: Markdown cells of a notebook, or the file. Cells are named by their ids."""
        if self.is_notebook:
            markdown = [c for c in self.cells if c.cell_type == "markdown"]
            return [b for c in markdown for b in parse(c.source, c.get("id", "no id"))]
        return [replace(b, cell=f"line {b.line + 1}") for b in parse(self.source, "")]


def notebooks(root: Path = ROOT) -> list[Page]:
    """Every notebook under chapters/, in alphabetical order."""
    paths = sorted(Path(root, "chapters").rglob("*.ipynb"))
    return [Page(path, root) for path in paths if ".ipynb_checkpoints" not in path.parts]


def markdown_pages(root: Path = ROOT) -> list[Page]:
    """Every Markdown file at the root and under chapters/."""
    root = Path(root)
    return [Page(path, root) for path in sorted([*root.glob("*.md"), *root.glob("chapters/*.md")])]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def output_texts(cell: nbformat.NotebookNode) -> list[str]:
    """Everything a reader can read in a code cell's outputs; of a figure, its alt text."""
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(output.text)
        elif output.output_type == "error":
            texts.append(f"{output.ename}: {output.evalue}\n" + "\n".join(output.traceback))
        else:
            for mime in ("text/plain", "text/markdown", "text/html", "text/latex"):
                texts.append(output.data.get(mime, ""))
    return [text for text in texts if text]
