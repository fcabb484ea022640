"""A table for a terminal and for a notebook, with the same words in both."""

from collections.abc import Collection, Sequence
from html import escape
from typing import NamedTuple

STYLE = """
.glassbox-table { overflow-x: auto; max-width: 100%; font: 0.85rem/1.5 system-ui, sans-serif; }
.glassbox-table table { width: auto; table-layout: auto; margin: 0; border: 0; font-size: inherit;
  border-collapse: collapse; color: inherit; line-height: 1.5; }
.glassbox-table table caption { caption-side: top; padding: 0 0 0.3em; text-align: left;
  font-weight: 600; white-space: nowrap; color: inherit; }
.glassbox-table table tr { background: none; }
.glassbox-table table :is(th, td) { min-width: 0 !important; padding: 0.05em 1em 0.05em 0;
  border: 0; background: none; color: inherit; text-align: left; font-weight: normal;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.glassbox-table table thead th { border-bottom: 1px solid; font-weight: 600; }
.glassbox-table table .number { text-align: right; }
.glassbox-table p { margin: 0.4em 0 0; font-size: inherit; }
@media (max-width: 480px) {
  .glassbox-table { font-size: 0.75rem; }
  .glassbox-table table :is(th, td) { padding-right: 0.7em; }
}
""".strip()


class Row(NamedTuple):
    """One line of a table.

    Attributes:
        depth: how far the first cell is indented.
        cells: the texts, one for each column. Where there are fewer, the last one runs on.
    """

    depth: int
    cells: Sequence[str]


class Table(NamedTuple):
    """Rows under a header, indented like a tree.

    Attributes:
        title: what the table shows.
        header: the names of the columns.
        rows: the lines.
        numbers: the columns that are flush right.
        notes: sentences below.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Row]
    numbers: Collection[int] = ()
    notes: Sequence[str] = ()

    def text(self) -> str:
        """Return the table as aligned columns for a terminal."""
        lines = [list(self.header)]
        lines += [["  " * row.depth + row.cells[0], *row.cells[1:]] for row in self.rows]
        widths = [0] * len(self.header)
        for line in lines:
            settled = len(line) if len(line) == len(widths) else len(line) - 1
            for column in range(settled):
                widths[column] = max(widths[column], len(line[column]))
        body = ["  ".join(map(self._align, range(len(line)), line, widths)) for line in lines]
        return "\n".join(line.rstrip() for line in [self.title, "", *body, *self._spaced_notes()])

    def html(self) -> str:
        """Return the table for a notebook: it takes the page's colors, and scrolls if too wide."""
        head = "".join(self._cell("th", 'scope="col"', i, t) for i, t in enumerate(self.header))
        lines = [
            f'<div class="glassbox-table" role="region" tabindex="0" '
            f'aria-label="{escape(self.title)}">',
            f"<table><caption>{escape(self.title)}</caption>",
            f"<thead><tr>{head}</tr></thead><tbody>",
            *map(self._line, self.rows),
            "</tbody></table>",
            *(f"<p>{escape(note)}</p>" for note in self.notes),
            "</div>",
        ]
        return f"<style>\n{STYLE}\n</style>\n" + "\n".join(lines)

    def _line(self, row: Row) -> str:
        """Return one row as HTML; spaces indent it, for some pages drop all styles."""
        first, *rest = row.cells
        texts = ["\N{NO-BREAK SPACE}" * 3 * row.depth + first, *rest]
        cells = [
            self._cell("td" if i else "th", "" if i else 'scope="row"', i, text)
            for i, text in enumerate(texts)
        ]
        missing = len(self.header) - len(texts)
        if missing:
            cells[-1] = cells[-1].replace("<td", f'<td colspan="{missing + 1}"', 1)
        return f"<tr>{''.join(cells)}</tr>"

    def _cell(self, tag: str, attributes: str, column: int, text: str) -> str:
        """Return one cell as HTML."""
        role = 'class="number"' if column in self.numbers else ""
        opening = " ".join(part for part in (tag, attributes, role) if part)
        return f"<{opening}>{escape(text)}</{tag}>"

    def _align(self, column: int, text: str, width: int) -> str:
        """Fill a cell up to the width of its column."""
        return text.rjust(width) if column in self.numbers else text.ljust(width)

    def _spaced_notes(self) -> list[str]:
        """Return the notes after an empty line."""
        return ["", *self.notes] if self.notes else []
