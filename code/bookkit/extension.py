"""The book's Sphinx extension: pages that need no network, and notebooks dressed as a textbook.

The parts: `site_cells` (ids of cells, figures), `site_dress` (callouts, verdicts, exercises), and
`site_directives`, `site_catalog` and `site_validation` (what pages show that is generated). This
file wires them up and prepares the assets.
"""

import re
import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from bookkit import site_catalog, site_cells, site_directives, site_dress, site_validation

MATHJAX_PARTS = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")
"""What a page with TeX needs: 2 MB of the 32 MB that the wheel carries."""

DISPLAYED = re.compile(r"^( *)\$\$\s*([^$]+?)\s*\$\$ *$", re.MULTILINE)
INLINE = re.compile(r"(?<![\\$`\w])\$([^$\n]+?)\$(?![$`\w])")
"""Formulas in a docstring: alone on a line between double dollars, or in a sentence."""

ICON_SCRIPT = "scripts/fontawesome.js"
ICON = re.compile(r"fa-[\w-]+")
ICON_RULE = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}')

SEARCH_SCRIPT = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
"""What finds words, as the theme puts it on every page."""

UNCOLORED = re.compile(r'<span class="(?:n|nn|o|p|w)">([^<]*)</span>')
"""Names, operators, brackets and spaces in code: the book's colors leave them as they are."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx."""
    app.add_directive("questions", site_directives.Questions)
    app.add_directive("execution", site_directives.Execution)
    app.add_directive("catalog", site_catalog.CatalogTables)
    app.add_directive("syllabus", site_catalog.Syllabus)
    app.add_directive("validation", site_validation.Validation)
    # 400: before Sphinx collects the images of a page, at the default of 500.
    app.connect("doctree-read", site_cells.prepare_notebook, priority=400)
    app.connect("doctree-read", site_dress.dress_page, priority=410)
    app.connect("config-inited", use_own_mathjax)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", mend_citations)
    app.connect("html-page-context", slim_code)
    # 600: after napoleon has turned the sections of a docstring into markup.
    app.connect("autodoc-process-docstring", typeset_docstring, priority=600)
    app.connect("autodoc-skip-member", skip_tuple_fields)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", slim_theme)
    app.connect("build-finished", keep_index_for_search)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def use_own_mathjax(app: Sphinx, config: Any) -> None:
    """Load MathJax from the book itself, so that formulas are typeset with no network."""
    config.mathjax_path = "mathjax/tex-chtml.js"


def mathjax_source() -> Path:
    """Return where the wheel put MathJax; its name has hyphens, so it cannot be imported."""
    packages = Path(str(distribution("sphinx-mathjax-offline").locate_file("")))
    return packages / "sphinx-mathjax-offline" / "static" / "mathjax"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy the needed parts of MathJax out of the sphinx-mathjax-offline wheel."""
    if error or app.builder.format != "html":
        return
    source, target = mathjax_source(), Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        if (target / part).exists():
            continue
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part)
        else:
            shutil.copy2(source / part, target / part)


def slim_theme(app: Sphinx, error: Exception | None) -> None:
    """Leave out the theme's script of icons, and the style of icons that no page shows.

    A page then weighs half. It looks the same: the style sheet draws the icons from a font.
    """
    static = Path(app.outdir) / "_static"
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    if error or not sheet.exists():
        return
    (static / ICON_SCRIPT).write_text("// The icons come from the style sheet and its font.\n")
    readers = [*Path(app.outdir).rglob("*.html"), *static.glob("scripts/*.js")]
    shown = {name for file in readers for name in ICON.findall(file.read_text(encoding="utf-8"))}

    def keep_shown(rule: re.Match) -> str:
        return rule[0] if shown.intersection(ICON.findall(rule[0])) else ""

    style = sheet.read_text(encoding="utf-8")
    sheet.write_text(ICON_RULE.sub(keep_shown, style), encoding="utf-8")


def keep_index_for_search(app: Sphinx, error: Exception | None) -> None:
    """Load the index of all words on the search page only: the others just lead there."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        if page.name != "search.html":
            text = page.read_text(encoding="utf-8")
            page.write_text(SEARCH_SCRIPT.sub("", text), encoding="utf-8")


def drop_thebe(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Leave out the scripts of sphinx-thebe, which log an error even where it is switched off."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{getattr(script, 'filename', script)}{_body(script)}".lower()
    ]


def skip_tuple_fields(
    app: Sphinx, kind: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the fields of a named tuple: its docstring has described them already."""
    return True if (getattr(thing, "__doc__", "") or "").startswith("Alias for field") else None


def typeset_docstring(
    app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Let docstrings write formulas as the chapters do, between dollars."""
    text = DISPLAYED.sub(_displayed, "\n".join(lines))
    lines[:] = INLINE.sub(r":math:`\1`", text).split("\n")


def _displayed(found: re.Match) -> str:
    """Return a formula between double dollars as a directive, on one line."""
    return f"\n{found[1]}.. math:: {' '.join(found[2].split())}\n"


def mend_citations(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Make the bibliography a list of list items: docutils gives the items an outdated role."""
    if "doc-biblioentry" in context.get("body", ""):
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def slim_code(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Drop the markup of code that has no color: three of four elements of a chapter."""
    if "body" in context:
        context["body"] = UNCOLORED.sub(r"\1", context["body"])


def _body(script: Any) -> str:
    """Return the text of an inline script, or nothing."""
    return str(getattr(script, "attributes", {}).get("body") or "")
