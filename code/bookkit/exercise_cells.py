"""The form of an exercise: four cells in a row, named after it."""

import re

from bookkit.pages import Fault, Page, output_texts, tags

TITLE = re.compile(r"### Exercise(?: \d+)?: \S.*")
DIFFICULTY = re.compile(r"\*Difficulty [123] of 3 · \d+ minutes? · objectives? \d.*\*")
DETAILS = re.compile(
    r'<details class="(\w+)"><summary>[^<]+</summary>\n\n(.*?)\n\n</details>', re.S
)


def _check_help(page: Page, name: str, cell) -> list[Fault]:
    """Require a folded hint and a folded solution that holds one block of Python."""
    folded = DETAILS.findall(cell.source)
    kinds = [kind for kind, _ in folded]
    where = f"ex-{name}-help"
    if "hint" not in kinds or kinds.count("solution") != 1:
        message = (
            'give at least one <details class="hint"> and one <details class="solution">, each '
            "with a blank line after its summary and before </details>."
        )
        return [page.fault(where, message)]
    solution = dict(folded)["solution"]
    if len(re.findall(r"^```python$", solution, re.MULTILINE)) != 1:
        return [page.fault(where, "the solution holds exactly one ```python block.")]
    return []


def check_exercises(page: Page) -> list[Fault]:
    """Require of each exercise its four cells: statement, stub, check, hints and solution."""
    faults, cells = [], page.cells
    parts = [cell.get("id", "") for cell in cells]
    names = [p[3:] for p in parts if re.fullmatch(r"ex-(?!.*-(stub|check|help)$).+", p)]
    wanted = [f"ex-{n}{end}" for n in names for end in ("", "-stub", "-check", "-help")]
    for stray in (p for p in parts if p.startswith("ex-") and p not in wanted):
        faults.append(page.fault(stray, "belongs to no exercise: no statement has that name."))
    for name in names:
        start = parts.index(f"ex-{name}")
        four = cells[start : start + 4]
        if parts[start : start + 4] != wanted[4 * names.index(name) :][:4]:
            message = "an exercise is four cells in a row: ex-NAME, -stub, -check and -help."
            faults.append(page.fault(f"ex-{name}", message))
            continue
        statement, stub, check, solution = four
        lines = [line for line in statement.source.split("\n") if line.strip()]
        if len(lines) < 2 or not TITLE.fullmatch(lines[0]) or not DIFFICULTY.fullmatch(lines[1]):
            message = (
                "start with '### Exercise: Title' and the line "
                "'*Difficulty 1 of 3 · 5 minutes · objective 2*'."
            )
            faults.append(page.fault(f"ex-{name}", message))
        for cell, tag in ((stub, "exercise-stub"), (check, "exercise-check")):
            if cell.cell_type != "code" or tag not in tags(cell):
                faults.append(page.fault(cell.id, f"is a code cell with the tag '{tag}'."))
        if f'exercises.check("{name}"' not in check.source:
            faults.append(page.fault(check.id, f'calls exercises.check("{name}", …).'))
        if check.cell_type == "code" and "Not attempted yet" not in "".join(output_texts(check)):
            message = "the stored output is not 'Not attempted yet …': the stub must be unsolved."
            faults.append(page.fault(check.id, message))
        faults += _check_help(page, name, solution)
    return faults
