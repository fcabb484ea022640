"""What the last full trial of the graders came to, as a table in the instructors' guide."""

import json
from pathlib import Path

from docutils import nodes

from bookkit.site_catalog import row, table
from bookkit.site_directives import BookDirective

HEADINGS = ("Set", "Right", "Wrong", "Empty", "Attacks")
KINDS = ("right", "wrong", "empty", "attack")
RECORD = "assignments/validation.json"


class Validation(BookDirective):
    """A table of the stored answers that were tried, by set and kind."""

    def run(self) -> list[nodes.Node]:
        """Return the table, made from what `make test-assignments` recorded."""
        path = Path(self.env.srcdir) / RECORD
        self.env.note_dependency(str(path))
        sets = json.loads(path.read_text(encoding="utf-8"))
        counts = [[kinds[key] for key in KINDS] for kinds in sets.values()]
        rows = [row([name, *map(str, n)]) for name, n in zip(sets, counts, strict=True)]
        sums = [sum(column) for column in zip(*counts, strict=True)]
        rows.append(row(["Together", *map(str, sums)]))
        return [table(HEADINGS, rows)]
