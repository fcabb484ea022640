"""A small notebook without a fault, for tests that plant one and look for it."""

import base64
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookkit.notebooks import METADATA
from bookkit.pages import Page
from bookkit.setup_cell import SETUP_CELL

# The smallest PNG there is: one pixel.
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c489"
        "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082".replace(" ", "")
    )
).decode()

INTRO = """\
# A small page

After this page you can weigh two tokens.
[Vaswani et al. (2017)](https://doi.org/10.48550/arXiv.1706.03762) divide by 8.00 there, in
section 3.2. It runs on Python 3.11 since 2022.

## What the cell shows
"""
NOTE = """\
The first weight is 0.24, the second −0.5, together 24 % of 1,000 parameters. See
[the terms](glossary.md#attention-weights) and [above](#a-small-page). Use
`torch.softmax(scores, dim=-1)` and look at `weights`, `x.T`, `nn.Linear.weight`, `(2, 3)` and
`weights[0, 1:]`; run `make book`.
The formula $0.777$ and the code `0.888` are not prose.

![Two arrows that meet](glossary.md)
"""
STATEMENT = """\
### Exercise: Double it

*Difficulty 1 of 3 · 5 minutes · objective 1*

Write `double(x)`.
"""
HELP = """\
<details class="hint"><summary>Hint</summary>

Add `x` to itself.

</details>

<details class="solution"><summary>Solution</summary>

```python
def double(x):
    return x + x
```

</details>
"""


def code(cell_id, source, count, outputs=(), tags=()):
    """Make a code cell that has been run."""
    cell = new_code_cell(source, id=cell_id, execution_count=count, outputs=list(outputs))
    if tags:
        cell.metadata["tags"] = list(tags)
    return cell


def good_notebook() -> nbformat.NotebookNode:
    """Build a notebook that every check finds clean."""
    stdout = new_output("stream", name="stdout", text="weights: 0.2379 -0.5\n1,000 parameters\n")
    figure = new_output(
        "display_data",
        {"image/png": PIXEL, "text/plain": "Bars: the first weight is 0.24."},
        metadata={"glassbox": {"dark": PIXEL}},
    )
    missing = new_output("stream", name="stdout", text="Not attempted yet – edit the cell above.\n")
    cells = [
        new_markdown_cell(INTRO, id="title"),
        code("setup", SETUP_CELL, 1, tags=["setup", "hide-cell"]),
        code(
            "weigh",
            "import torch\nfrom torch import nn\n\nscores = torch.tensor([[1.0, 2.0]])\n"
            "weights = torch.softmax(scores, dim=-1)\nx = scores\nprint('weights:', weights)",
            2,
            [stdout],
        ),
        new_markdown_cell(NOTE, id="weigh-note"),
        code("draw", "figures.show(fig, alt='Bars')", 3, [figure]),
        new_markdown_cell("## Exercises", id="exercises"),
        new_markdown_cell(STATEMENT, id="ex-double"),
        code("ex-double-stub", "def double(x):\n    ...", 4, tags=["exercise-stub"]),
        code(
            "ex-double-check",
            'exercises.check("double", double)',
            5,
            [missing],
            ["exercise-check"],
        ),
        new_markdown_cell(HELP, id="ex-double-help"),
    ]
    return new_notebook(cells=cells, metadata=METADATA, nbformat_minor=5)


def cell(notebook, cell_id):
    """Return the cell with that id."""
    return next(c for c in notebook.cells if c.get("id") == cell_id)


def replace(notebook, cell_id, old, new):
    """Change a cell's source, and make sure that something changed."""
    target = cell(notebook, cell_id)
    assert old in target.source
    target.source = target.source.replace(old, new)


def write_book(root: Path, notebook: nbformat.NotebookNode, name: str = "sample") -> Page:
    """Write a book of one chapter under `root` and return the chapter."""
    chapters = root / "chapters"
    chapters.mkdir(exist_ok=True)
    (chapters / "glossary.md").write_text("# Glossary\n\n## Attention weights\n\nThey sum to 1.\n")
    (chapters / "references.bib").write_text(
        "@article{vaswani2017,\n  title = {Attention},\n  doi = {10.48550/arXiv.1706.03762},\n}\n"
    )
    (root / "Makefile").write_text("book:\n\ttrue\n")
    (root / "_toc.yml").write_text(
        f"format: jb-book\nroot: chapters/glossary\nchapters:\n- file: chapters/{name}\n"
    )
    path = chapters / f"{name}.ipynb"
    path.write_text(nbformat.v4.writes_json(notebook) + "\n", encoding="utf-8")
    return Page(path, root)


def only_fault(faults, cell_id, *words):
    """Assert that there is one fault, of that cell, whose message holds the words."""
    assert [fault.cell for fault in faults] == [cell_id], "\n".join(map(str, faults))
    for word in words:
        assert word in faults[0].message
    assert faults[0].page.endswith((".ipynb", ".md"))
