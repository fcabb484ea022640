"""Sentences about numbers: what a figure says to whoever cannot see it."""

from collections import Counter
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

FEW = 8
"""Up to this many, each item is said; beyond, a summary."""


def number(value: float | int, digits: int = 3) -> str:
    """Write a number with some significant digits and all before the point: 0.0312, 12,288."""
    text = f"{value:.{digits}g}"
    if abs(float(text)) >= 10**digits:
        return f"{value:,.0f}"
    return "0" if float(text) == 0 else text


def several(items: Sequence[str]) -> str:
    """Join items as a sentence does: 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def quoted(labels: Sequence[str]) -> list[str]:
    """Put labels in quotation marks; say the position of those that occur more than once."""
    times = Counter(labels)
    return [
        f"'{label}'" + (f" (position {place})" if times[label] > 1 else "")
        for place, label in enumerate(labels)
    ]


def check_weights(
    weights: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    heads: int | None = None,
    axes: tuple[str, str] = ("row labels", "column labels"),
) -> None:
    """Refuse what no heat map can show: a shape that does not fit, and entries that are no shares.

    With `heads`, the first axis must have that size.
    """
    expected = (*([] if heads is None else [heads]), len(rows), len(columns))
    if tuple(weights.shape) != expected:
        named = "" if heads is None else f"{heads} heads, "
        raise ValueError(
            f"weights has shape {tuple(weights.shape)}, but there are {named}{len(rows)} {axes[0]} "
            f"and {len(columns)} {axes[1]}."
        )
    if not weights.numel():
        raise ValueError(f"weights has shape {expected}: there is nothing to draw.")
    if weights.isnan().any():
        raise ValueError(
            "weights holds NaN. The softmax of a row whose keys are all masked is 0/0: leave at "
            "least one key to each query."
        )
    if weights.min() < 0 or weights.max() > 1 + 1e-6:
        raise ValueError(
            f"weights lie between {weights.min():.2f} and {weights.max():.2f}, expected 0 to 1. "
            "These look like scores: apply softmax first."
        )


def strongest(row: Sequence[float], columns: Sequence[str], decimals: int) -> str:
    """Say where one query looks, as 'looks most at 'cat' (0.61)'; equal weights are all named."""
    rounded = [round(share, decimals) for share in row]
    most = max(rounded)
    names = [key for key, share in zip(columns, rounded, strict=True) if share == most]
    if most == 0:
        return "looks at nothing"
    if len(names) == 1:
        return f"looks most at {names[0]} ({most:.{decimals}f})"
    where = "all keys" if len(names) == len(row) else f"{len(names)} keys"
    if len(names) <= 3 < len(row) or len(names) < len(row) <= 3:
        where = several(names)
    return f"looks most at {where} alike ({most:.{decimals}f} each)"


def one_map(
    weights: Float[Tensor, "seq src"], rows: Sequence[str], columns: Sequence[str], decimals: int
) -> str:
    """Describe a heat map: each query's strongest key if they are few, else the pattern."""
    values = weights.tolist()
    queries, keys = quoted(rows), quoted(columns)
    causal = len(rows) == len(columns) > 1 and not weights.triu(1).any()
    text = f"Heat map of attention weights, {len(rows)} queries by {len(columns)} keys. "
    if len(rows) <= FEW:
        looks = (strongest(row, keys, decimals) for row in values)
        text += "; ".join(f"{q} {look}" for q, look in zip(queries, looks, strict=True)) + "."
    else:
        first = int(causal)  # a first query that sees only itself says nothing
        place = int(weights[first:].mul(10**decimals).round().argmax())
        i, j = first + place // len(columns), place % len(columns)
        text += f"The strongest weight{' after the first query' * first}: "
        text += f"{queries[i]} looks at {keys[j]} ({values[i][j]:.{decimals}f}). "
        text += _habits(values, keys, decimals)
    return text + " Above the diagonal every weight is 0." * causal


def _habits(values: list[list[float]], keys: Sequence[str], decimals: int) -> str:
    """Count the queries whose strongest key is their own, the one before, or the most popular."""
    favorites = {}
    for i, row in enumerate(values):
        rounded = [round(share, decimals) for share in row]
        if rounded.count(max(rounded)) == 1:  # of equal weights none is the strongest
            favorites[i] = rounded.index(max(rounded))
    counts = []
    if len(values) == len(keys):
        counts.append(("their own position", sum(i == j for i, j in favorites.items())))
        counts.append(("the position before", sum(i == j + 1 for i, j in favorites.items())))
    popular = Counter(favorites.values()).most_common(1)
    counts += [(keys[j], count) for j, count in popular if count > 1]
    said = [
        f"{count} {'at' if place else 'look most at'} {where}"
        for place, (where, count) in enumerate(counts)
    ]
    return f"Of {len(values)} queries, {several(said)}." if said else ""


def one_head(weights: Float[Tensor, "seq src"], columns: Sequence[str]) -> str:
    """Say in a clause where a head looks on average: 'mostly at the position before (0.71)'.

    The candidates are each query's own position, the one before and the one after, where the map
    is square, and every single key; the one with the largest mean weight is said. A mean runs over
    the queries that have such a key.
    """
    spread = weights.max() - weights.min()
    if spread < 0.005:
        return f"looks at all keys alike ({weights.mean():.2f} each)"
    means = {}
    if weights.shape[0] == weights.shape[1]:
        places = ("its own position", 0), ("the position before", -1), ("the position after", 1)
        means = {where: weights.diagonal(offset).mean().item() for where, offset in places}
    for key, mean in zip(quoted(columns), weights.mean(dim=0).tolist(), strict=True):
        means.setdefault(key, mean)
    where = max(means, key=lambda place: round(means[place], 2))
    manner = "looks mostly at" if means[where] >= 0.5 else "spreads out, most on"
    return f"{manner} {where} (mean weight {means[where]:.2f})"
