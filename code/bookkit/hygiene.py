"""What a stored notebook may hold. Each check takes a page and returns its faults."""

import re
import sys
from pathlib import Path

from bookkit.notebooks import CELL_METADATA, METADATA
from bookkit.pages import ROOT, Fault, Page, output_texts, tags
from bookkit.setup_cell import SETUP_CELL

KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Ids that a front end made up: hexadecimal with a digit in it, or a number after 'cell'.
MEANINGLESS = re.compile(
    r"(?=[0-9a-f-]*[0-9])[0-9a-f]{7,}(-[0-9a-f]+)*|(cell|code|markdown|id)(-?\d+)?"
)
# From the root down two levels (a formula's a/b and a URL's path have a word in front), a disk of
# Windows, and the places of this very machine.
HERE = [re.escape(str(p)) for p in (ROOT, Path.home(), Path(sys.prefix)) if len(p.parts) > 1]
ABSOLUTE = re.compile(
    r"(?:file://|(?<![\w.:/~)\]}+<]))/(?!dev/null)(?:[A-Za-z][\w.-]*/)+[\w.]|(?<!\w)[A-Z]:\\|"
    rf"(?<![\w.])(?:{'|'.join(HERE)})(?!\w)"
)
WARNING = re.compile(r"\b\w*Warning:|^Traceback \(most recent call last\)", re.MULTILINE)
SECRET_EXEMPTION = re.compile(r"#\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)")
MYST = re.compile(r"\{[a-z][\w:-]*\}$")


def check_metadata(page: Page) -> list[Fault]:
    """Find notebook metadata other than the agreed, and what front ends leave in cells."""
    advice = "Run `make notebooks`."
    faults = []
    if page.notebook.metadata != METADATA:
        keys = sorted(page.notebook.metadata)
        faults.append(page.fault("metadata", f"is not the agreed metadata (keys {keys}). {advice}"))
    if (page.notebook.nbformat, page.notebook.get("nbformat_minor", 0)) < (4, 5):
        faults.append(page.fault("metadata", f"is older than nbformat 4.5. {advice}"))
    for cell in page.cells:
        litter = sorted(set(cell.metadata) - set(CELL_METADATA))
        if litter:
            allowed = " and ".join(CELL_METADATA)
            message = f"metadata {', '.join(litter)}: only {allowed} belong here. {advice}"
            faults.append(page.fault(cell.get("id", "no id"), message))
    return faults


def check_ids(page: Page) -> list[Fault]:
    """Find cells whose ids are missing, repeated, or say nothing."""
    faults, seen = [], set()
    for number, cell in enumerate(page.cells, 1):
        name = cell.get("id")
        if not name:
            message = f"cell {number} has no id. Give it one that says what it shows."
            faults.append(page.fault(f"cell {number}", message))
        elif not KEBAB.fullmatch(name) or MEANINGLESS.fullmatch(name):
            message = "the id says nothing. Use words-with-hyphens, such as 'by-hand-scores'."
            faults.append(page.fault(name, message))
        elif name in seen:
            faults.append(page.fault(name, "two cells have this id. Rename one."))
        seen.add(name)
    return faults


def check_setup_cell(page: Page) -> list[Fault]:
    """Require bookkit's setup cell, word for word, as the first code cell."""
    if not page.code_cells:
        return [page.fault("setup", "there is no code cell. Start with the setup cell.")]
    cell, faults = page.code_cells[0], []
    name = cell.get("id", "no id")
    if name != "setup" or any(c.get("id") == "setup" for c in page.code_cells[1:]):
        faults.append(page.fault(name, "the first code cell, and no other, has the id 'setup'."))
    if tags(cell) != ["setup", "hide-cell"]:
        faults.append(page.fault(name, 'the setup cell has the tags ["setup", "hide-cell"].'))
    if cell.source != SETUP_CELL:
        message = "the setup cell differs from SETUP_CELL in code/bookkit/setup_cell.py. Copy it."
        faults.append(page.fault(name, message))
    return faults


def check_execution_counts(page: Page) -> list[Fault]:
    """Require that the cells were run once each, from top to bottom."""
    faults = []
    for number, cell in enumerate((c for c in page.code_cells if c.source.strip()), 1):
        counts = {cell.get("execution_count")}
        counts |= {o.execution_count for o in cell.outputs if "execution_count" in o}
        if counts != {number}:
            shown = ", ".join(map(str, counts - {number}))
            message = f"execution count {shown} where {number} was due. Run `make notebooks`."
            faults.append(page.fault(cell.get("id", "no id"), message))
    return faults


def check_outputs(page: Page) -> list[Fault]:
    """Find warnings, errors, stderr and widgets in the stored outputs."""
    faults = []
    for cell in page.code_cells:
        raises = "raises-exception" in tags(cell)

        def fault(message, cell=cell):
            faults.append(page.fault(cell.get("id", "no id"), message))

        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                fault(f"writes to stderr: {output.text.strip()[:80]!r}. Nothing may.")
            elif output.output_type == "error" and not raises:
                fault(f"ends in {output.ename}. Repair it, or tag it 'raises-exception'.")
            elif any("widget" in mime for mime in output.get("data", {})):
                fault("shows a widget, which needs a kernel. Show a figure or a table.")
        if not raises and any(WARNING.search(text) for text in output_texts(cell)):
            fault("a warning or a traceback is in the output. Repair its cause.")
    return faults


def check_absolute_paths(page: Page) -> list[Fault]:
    """Find paths that exist on one machine only."""
    faults = []
    for cell in page.cells:
        for text in [cell.source, *(output_texts(cell) if cell.cell_type == "code" else [])]:
            if match := ABSOLUTE.search(text):
                context = text[match.start() : match.end() + 20].split("\n")[0]
                message = f"absolute path {context!r}. Use a path that exists for every reader."
                faults.append(page.fault(cell.get("id", "no id"), message))
    return faults


def check_figures(page: Page) -> list[Fault]:
    """Require alt text and a twin for the dark theme on every picture that a cell draws."""
    faults = []
    for cell in page.code_cells:
        for output in cell.outputs:
            data = output.get("data", {})
            alt = data.get("text/plain", "").strip().strip("'\"")
            drawn = any(mime.startswith("image/") for mime in data)
            if drawn and (not alt or alt.startswith(("<", "Figure("))):
                message = "the figure has no alt text. End with figures.show(fig, alt='…')."
                faults.append(page.fault(cell.get("id", "no id"), message))
            if drawn and not output.metadata.get("glassbox", {}).get("dark"):
                message = "the figure has no dark twin. End with figures.show(fig, alt='…')."
                faults.append(page.fault(cell.get("id", "no id"), message))
    return faults


def check_exemptions(page: Page) -> list[Fault]:
    """Require a tag and a reason together, and no other way round the comparison."""
    faults = []
    for cell in page.code_cells:
        name, reason = cell.get("id", "no id"), str(cell.metadata.get("exempt", "")).strip()
        if "nbval-skip" in tags(cell):
            faults.append(page.fault(name, "tag nbval-skip hides the cell from nbval. Remove it."))
        if SECRET_EXEMPTION.search(cell.source):
            faults.append(page.fault(name, "a comment exempts the cell from nbval. Remove it."))
        if ("nbval-ignore-output" in tags(cell)) != bool(reason):
            message = (
                "an exempt cell needs both the tag nbval-ignore-output and the metadata "
                '"exempt": "the reason". One of them is missing.'
            )
            faults.append(page.fault(name, message))
    return faults


def exempt_cells(pages: list[Page]) -> list[str]:
    """List all cells whose outputs nbval does not compare, as 'page#cell'."""
    return [
        f"{page.name}#{cell.get('id')}"
        for page in pages
        for cell in page.code_cells
        if "nbval-ignore-output" in tags(cell)
    ]


def check_ceiling(pages: list[Page], ceiling: int) -> list[Fault]:
    """Hold the number of exempt cells to the recorded ceiling, which may only fall."""
    exempt = exempt_cells(pages)
    if len(exempt) > ceiling:
        message = f"{len(exempt)} exempt cells, and the ceiling is {ceiling}. Make one compare."
        return [Fault("chapters", ", ".join(exempt), message)]
    if len(exempt) < ceiling:
        message = f"only {len(exempt)} cells are exempt: lower the recorded ceiling to that."
        return [Fault("chapters", "ceiling", message)]
    return []


def check_markdown_forms(page: Page) -> list[Fault]:
    """Find MyST in a notebook: Colab, JupyterLab and GitHub show it as raw text."""
    message = "MyST shows as raw text in Colab and on GitHub. Use plain Markdown."
    faults = []
    for block in page.blocks:
        pairs = zip(block.runs, block.runs[1:], strict=False) if block.kind != "code" else ()
        role = any(a.kind == "text" and b.kind == "code" and MYST.search(a.text) for a, b in pairs)
        if role or block.info.startswith("{"):
            faults.append(page.fault(block.cell, message))
    return faults


CHECKS = (
    check_metadata,
    check_ids,
    check_setup_cell,
    check_execution_counts,
    check_outputs,
    check_absolute_paths,
    check_figures,
    check_exemptions,
    check_markdown_forms,
)
