"""The index of questions: each leads to a cell whose output settles it."""

import re
from pathlib import Path

import yaml

from bookkit.pages import ROOT, Fault, Page
from bookkit.site_links import read_page

ID = re.compile(r"[QE]\d{3}")
VERDICTS = ("false", "imprecise", "overstated", "incomplete", "bug")
INDEX = "chapters/questions.yml"


def load_index(root: Path = ROOT) -> list[dict]:
    """Read the entries of chapters/questions.yml."""
    entries = yaml.safe_load((root / INDEX).read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{INDEX} is a list of entries, each with id, page, cell and answer.")
    return entries


def expand(ids: str) -> list[str]:
    """Spell out ids and ranges of ids: 'Q024 Q150-Q152' is Q024, Q150, Q151, Q152."""
    found = []
    for part in ids.split():
        first, _, last = part.partition("-")
        numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
        found += [f"{first[0]}{number:03}" for number in numbers]
    return found


def check_entries(entries: list[dict]) -> list[Fault]:
    """Require of each entry an id of its own, a question or a claim with a verdict, an answer."""
    faults, seen = [], set()
    for entry in entries:
        name = str(entry.get("id", "no id"))

        def fault(message, name=name):
            faults.append(Fault(INDEX, name, message))

        if not ID.fullmatch(name):
            fault("the id is not Q or E and three digits.")
        if name in seen:
            fault("two entries have this id. Join them.")
        seen.add(name)
        if not str(entry.get("answer", "")).strip():
            fault("there is no answer.")
        # YAML reads a bare `false` as a truth value, and `verdict: false` is how one writes it.
        verdict = str(entry.get("verdict", "")).lower()
        if name.startswith("Q") and not str(entry.get("question", "")).strip():
            fault("there is no question.")
        if name.startswith("E") and not str(entry.get("claim", "")).strip():
            fault("there is no claim.")
        if name.startswith("E") and verdict not in VERDICTS:
            fault(f"the verdict is one of {', '.join(VERDICTS)}.")
    return faults


def check_cells(entries: list[dict], pages: list[Page]) -> list[Fault]:
    """Require that each entry names a code cell with an output."""
    by_stem = {page.path.stem: page for page in pages}
    faults = []
    for entry in entries:
        name, stem, cell_id = (str(entry.get(key)) for key in ("id", "page", "cell"))
        page = by_stem.get(stem)
        cells = {c.get("id"): c for c in page.cells} if page else {}
        if not page:
            message = f"there is no notebook chapters/{stem}.ipynb."
        elif cell_id not in cells:
            message = f"{page.name} has no cell '{cell_id}'."
        elif cells[cell_id].cell_type != "code":
            message = f"the cell '{cell_id}' of {page.name} is Markdown. Name a code cell."
        elif not cells[cell_id].outputs:
            message = f"the cell '{cell_id}' of {page.name} has no output, so it settles nothing."
        else:
            continue
        faults.append(Fault(INDEX, name, message))
    return faults


def check_coverage(entries: list[dict], wanted: dict[str, str]) -> list[Fault]:
    """Require that each chapter settles the ids it has to: {stem: 'Q024 Q150-Q156'}."""
    settled = {(str(entry.get("page")), str(entry.get("id"))) for entry in entries}
    return [
        Fault(INDEX, name, f"no entry says where {stem} settles it. Settle it and add one.")
        for stem, ids in wanted.items()
        for name in expand(ids)
        if (stem, name) not in settled
    ]


def check_built(entries: list[dict], html: Path) -> list[Fault]:
    """Require in the built book an anchor for each entry, and a link to it on the index page."""
    index = html / "chapters" / "questions.html"
    if not index.is_file():
        return [Fault(INDEX, "build", f"{index} is missing. Run `make book` first.")]
    links, faults = set(read_page(index).links), []
    pages = {str(entry["page"]) for entry in entries}
    built = {stem: html / "chapters" / f"{stem}.html" for stem in pages}
    ids = {stem: read_page(p).anchors if p.is_file() else set() for stem, p in built.items()}
    for entry in entries:
        stem, cell = str(entry["page"]), str(entry["cell"])
        if cell not in ids[stem]:
            message = f"the built page {stem}.html has no anchor #{cell}. Run `make book`."
            faults.append(Fault(INDEX, str(entry["id"]), message))
        if f"{stem}.html#{cell}" not in links:
            message = f"'Questions answered' has no link to {stem}.html#{cell}. Run `make book`."
            faults.append(Fault(INDEX, str(entry["id"]), message))
    return faults
