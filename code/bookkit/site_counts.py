"""What a page's source holds is all there in the built page: formulas, outputs, figures."""

from collections import Counter
from pathlib import Path

from bookkit.pages import PARSER, PROSE_DIRECTIVES, Page
from bookkit.site_links import read_page


def formulas(source: str) -> int:
    """Count the formulas of a Markdown text, those inside prose directives included.

    Example:
        >>> formulas("An $x$ and a $y$, `$not$`.\\n\\n$$z$$")
        3
    """
    count = 0
    for token in PARSER.parse(source):
        count += sum(part.type.startswith("math") for part in [token, *(token.children or [])])
        fence = token.type in ("fence", "colon_fence")
        if fence and PROSE_DIRECTIVES.match(token.info.strip()):
            count += formulas(token.content)
    return count


def written(page: Page) -> Counter[str]:
    """Count what a page's source holds; a Markdown file has neither outputs nor figures."""
    if not page.is_notebook:
        return Counter(formulas=formulas(page.source))
    texts = [cell.source for cell in page.cells if cell.cell_type == "markdown"]
    outputs = [output for cell in page.code_cells for output in cell.outputs]
    return Counter(
        formulas=sum(map(formulas, texts)),
        outputs=sum(bool(cell.outputs) for cell in page.code_cells),
        figures=sum("image/png" in output.get("data", {}) for output in outputs),
    )


def built(path: Path) -> Counter[str]:
    """Count what a built page holds; of a figure's two themes, the light one."""
    classes = read_page(path).classes
    return Counter(
        formulas=sum("math" in names for names in classes),
        outputs=sum("cell_output" in names for names in classes),
        figures=sum("figure-image" in names and "only-dark" not in names for names in classes),
    )


def count_faults(page: Page, path: Path) -> list[str]:
    """Report what a page lost of its source, and outputs that its source does not have.

    A page may have more formulas than its source: in HTML output, or made by a directive.
    """
    source, made = written(page), built(path)
    kinds = ("formulas", "outputs", "figures") if page.is_notebook else ("formulas",)
    return [
        f"has {made[kind]} {kind}, and {page.name} has {source[kind]}. Run `make book`."
        for kind in kinds
        if made[kind] < source[kind] or (made[kind] > source[kind] and kind != "formulas")
    ]
