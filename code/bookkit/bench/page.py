"""The page of the book that shows the measurements."""

import re
from collections.abc import Iterable

from bookkit.pages import ROOT
from glassbox.inspection.tables import Table

PAGE = ROOT / "chapters" / "benchmarks.md"
MARKS = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.S)


def markdown(table: Table) -> str:
    """Return a table in Markdown, under a heading."""
    header = [name or " " for name in table.header]
    rule = ["---:" if column in table.numbers else "---" for column in range(len(header))]
    lines = [f"| {' | '.join(cells)} |" for cells in (header, rule, *(r.cells for r in table.rows))]
    return "\n".join([f"## {table.title}", "", *lines, "", *table.notes]).rstrip() + "\n"


def write(tables: Iterable[Table]) -> None:
    """Put tables between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    if not MARKS.search(text):
        raise SystemExit(f"{PAGE} has no marks <!-- measured --> and <!-- end -->.")
    body = "\n" + "\n".join(markdown(table) for table in tables) + "\n"
    PAGE.write_text(MARKS.sub(lambda m: m[1] + body + m[2], text), encoding="utf-8")


def main(rounds: int) -> int:
    """Measure, print as it comes, and write the page."""
    import torch

    from bookkit.bench.compare import tables

    torch.set_num_threads(1)
    found = []
    for table in tables(rounds):
        print(table.text(), end="\n\n", flush=True)
        found.append(table)
    write(found)
    print(f"Written into {PAGE.relative_to(ROOT)}.")
    return 0
