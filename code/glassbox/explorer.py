"""A figure to play with: pick a token, and see where it looks. No script, kernel or network."""

import re
from collections.abc import Sequence
from html import escape

from jaxtyping import Float
from torch import Tensor

from glassbox.figures.words import check_weights, one_head

AXES = ("queries", "keys")
NAME = re.compile(r"[A-Za-z][\w-]*")
STYLE = """
#{id} { font: 0.95em/1.5 system-ui, sans-serif; max-width: 30em; }
#{id} input { position: absolute; opacity: 0; }
#{id} label { display: inline-block; padding: 0.15em 0.7em; margin: 0 0.3em 0.4em 0;
  border: 1px solid currentColor; border-radius: 1em; cursor: pointer; }
#{id} input:checked + label { background: #0072b2; border-color: #0072b2; color: #fff; }
#{id} input:focus-visible + label { outline: 3px solid #6cb8f0; outline-offset: 2px; }
#{id} table { display: none; width: 100%; margin: 0.4em 0 0; border: 0; border-spacing: 0 3px;
  border-collapse: separate; background: none; }
#{id} caption { caption-side: top; text-align: left; padding: 0 0 0.3em; color: inherit; }
#{id} th, #{id} td { padding: 0 0.6em 0 0; border: 0; background: none; text-align: left;
  font-weight: normal; white-space: nowrap; }
#{id} td + td { width: 100%; padding: 0; }
#{id} i { display: block; height: 0.95em; width: calc(100% * var(--share)); background: #c25700; }
""".strip()
"""One head: a table for each query."""
HEADS_STYLE = """
#{id} { max-width: 40em; }
#{id} section { display: none; }
#{id} section div { display: grid; grid-template-columns: repeat(auto-fit, minmax(15em, 1fr));
  gap: 0.8em 1.6em; }
#{id} section p { margin: 0.3em 0 0.5em; }
#{id} table { display: table; margin: 0; }
#{id} caption { font-weight: bold; }
""".strip()
"""Several heads: a section for each query, with a small table for each head."""
HOVER_STYLE = """
@media (hover: hover) {
#{id} label:hover { outline: 2px solid currentColor; outline-offset: 1px; }
#{id} label:hover ~ section.row { display: none; }
{shown} { display: block; }
}
""".strip()
"""While the pointer is over a token, that token's section stands in for the chosen one's."""


def explore(
    weights: Float[Tensor, "seq src"] | Float[Tensor, "heads seq src"],
    queries: Sequence[str],
    keys: Sequence[str],
    name: str,
    decimals: int = 2,
    *,
    heads: Sequence[str] | None = None,
) -> None:
    """Display attention weights with a choice of the query: one bar for each key, in each head.

    The choice is a group of radio buttons, so it works by mouse, by touch, by the arrow keys and
    with a screen reader. With several heads, it is enough to point at a token. Everything is in
    the output itself. Where styles are removed, as on GitHub, all rows are listed one below the
    other.

    Args:
        weights: shape `(T, S)` for one head, `(H, T, S)` for several; entries from 0 to 1.
        queries: T labels.
        keys: S labels.
        name: a word that no other explorer on the page has, such as `"bank"`.
        decimals: digits of a weight.
        heads: H names of the heads; `head 0`, `head 1` and so on if not given.

    Raises:
        ValueError: if the labels do not fit the shape of `weights`, an entry is not a share, or
            `name` holds a character that an address may not have.

    Example:
        In a notebook, the figure stands below the cell:

        >>> import torch
        >>> weights = torch.eye(2).expand(3, 2, 2)
        >>> explore(weights, ["a", "b"], ["a", "b"], name="copies")  # doctest: +ELLIPSIS
        {'text/html': '<style>...
    """
    from IPython.display import display

    if not NAME.fullmatch(name):
        raise ValueError(
            f"name is {name!r}; expected a word of letters, digits and hyphens, such as 'bank'."
        )
    if weights.ndim == 3:
        names = [f"head {i}" for i in range(len(weights))] if heads is None else list(heads)
        check_weights(weights, queries, keys, heads=len(names), axes=AXES)
        looks = (one_head(head, keys) for head in weights.detach())
        said = "; ".join(f"{name} {look}" for name, look in zip(names, looks, strict=True))
        plain = "A choice of the query, and for each of "
        plain += f"{len(names)} maps a bar for each key: {said}."
        html = _heads_page(f"explore-{name}", weights.detach(), queries, keys, decimals, names)
        display({"text/html": html, "text/plain": plain}, raw=True)
        return
    if heads is not None:
        raise ValueError(
            f"{len(heads)} heads are named, but weights has shape {tuple(weights.shape)}; expected "
            "(heads, queries, keys). Stack the heads: torch.stack([...])."
        )
    check_weights(weights, queries, keys, axes=AXES)
    rows = weights.detach().tolist()
    strongest = [keys[row.index(max(row))] for row in rows]
    looks = ", ".join(f"{q} at {k}" for q, k in zip(queries, strongest, strict=True))
    plain = f"A choice of the query, and a bar for each key. Each looks most: {looks}."
    html = _page(f"explore-{name}", rows, queries, keys, decimals)
    display({"text/html": html, "text/plain": plain}, raw=True)


def _page(
    identity: str,
    rows: list[list[float]],
    queries: Sequence[str],
    keys: Sequence[str],
    decimals: int,
) -> str:
    """Return the figure as HTML: a style, a button for each query, a table for each query."""
    style = STYLE.replace("{id}", identity)
    tables = []
    for i, (query, row) in enumerate(zip(queries, rows, strict=True)):
        style += f"\n#{identity}-{i}:checked ~ .row-{i} {{ display: table; }}"
        caption = f"Where <b>{escape(query)}</b> looks"
        tables.append(_table(caption, row, keys, decimals, f' class="row-{i}"'))
    return _assemble(identity, style, queries, tables)


def _heads_page(
    identity: str,
    weights: Tensor,
    queries: Sequence[str],
    keys: Sequence[str],
    decimals: int,
    heads: Sequence[str],
) -> str:
    """Return the figure as HTML: a style, a button for each query, a section for each query."""
    style = f"{STYLE}\n{HEADS_STYLE}"
    sections, shown = [], []
    for i, query in enumerate(queries):
        style += f"\n#{{id}}-{i}:checked ~ .row-{i} {{ display: block; }}"
        shown.append(f"#{{id}} label[for={{id}}-{i}]:hover ~ .row-{i}.row")
        tables = "".join(
            _table(escape(head), rows[i], keys, decimals)
            for head, rows in zip(heads, weights.tolist(), strict=True)
        )
        title = f"<p>Where <b>{escape(query)}</b> looks</p>"
        sections.append(f'<section class="row row-{i}">{title}<div>{tables}</div></section>')
    style += "\n" + HOVER_STYLE.replace("{shown}", ",\n".join(shown))
    return _assemble(identity, style.replace("{id}", identity), queries, sections)


def _table(
    caption: str, row: list[float], keys: Sequence[str], decimals: int, attributes: str = ""
) -> str:
    """Return a table of one row of weights: for each key its label, its weight and a bar."""
    bars = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{share:.{decimals}f}</td>'
        f'<td><i style="--share: {share:.{decimals}f}"></i></td></tr>'
        for key, share in zip(keys, row, strict=True)
    )
    return f"<table{attributes}><caption>{caption}</caption>{bars}</table>"


def _assemble(identity: str, style: str, queries: Sequence[str], parts: list[str]) -> str:
    """Put the style, a button for each query, and what the buttons choose from into one block."""
    choices = []
    for i, query in enumerate(queries):
        checked = " checked" if i == 0 else ""
        choices.append(
            f'<input type="radio" name="{identity}" id="{identity}-{i}"{checked}>'
            f'<label for="{identity}-{i}">{escape(query)}</label>'
        )
    body = "\n".join([*choices, *parts])
    label = 'role="group" aria-label="Pick the token that asks"'
    return f'<style>\n{style}\n</style>\n<div id="{identity}" {label}>\n{body}\n</div>'
