"""A figure to play with: pick a token, and see where it looks. No script, kernel or network."""

from collections.abc import Sequence
from html import escape

from torch import Tensor

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


def explore(
    weights: Tensor, queries: Sequence[str], keys: Sequence[str], name: str, decimals: int = 2
) -> None:
    """Display attention weights with a choice of the query: one bar for each key.

    The choice is a group of radio buttons, so it works by mouse, by touch, by the arrow keys and
    with a screen reader. Everything is in the output itself. Where styles are removed, as on
    GitHub, all rows are listed one below the other.

    Args:
        weights: shape `(T, S)`, entries from 0 to 1.
        queries: T labels.
        keys: S labels.
        name: a word that no other explorer on the page has, such as `"bank"`.
        decimals: digits of a weight.

    Raises:
        ValueError: if the labels do not fit the shape of `weights`.
    """
    from IPython.display import display

    if tuple(weights.shape) != (len(queries), len(keys)):
        raise ValueError(
            f"weights has shape {tuple(weights.shape)}, but there are {len(queries)} queries and "
            f"{len(keys)} keys."
        )
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
    choices, tables = [], []
    for i, (query, row) in enumerate(zip(queries, rows, strict=True)):
        style += f"\n#{identity}-{i}:checked ~ .row-{i} {{ display: table; }}"
        checked = " checked" if i == 0 else ""
        choices.append(
            f'<input type="radio" name="{identity}" id="{identity}-{i}"{checked}>'
            f'<label for="{identity}-{i}">{escape(query)}</label>'
        )
        bars = "".join(
            f'<tr><th scope="row">{escape(key)}</th><td>{share:.{decimals}f}</td>'
            f'<td><i style="--share: {share:.{decimals}f}"></i></td></tr>'
            for key, share in zip(keys, row, strict=True)
        )
        caption = f"<caption>Where <b>{escape(query)}</b> looks</caption>"
        tables.append(f'<table class="row-{i}">{caption}{bars}</table>')
    body = "\n".join([*choices, *tables])
    label = 'role="group" aria-label="Pick the token that asks"'
    return f'<style>\n{style}\n</style>\n<div id="{identity}" {label}>\n{body}\n</div>'
