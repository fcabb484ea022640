"""See a tensor: its name, its shape and its values, with a label on every row and column."""

from collections.abc import Sequence

from torch import Tensor


def show(
    name: str,
    tensor: Tensor,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    decimals: int = 4,
) -> None:
    """Print a tensor of at most three axes as a labeled table, its shape beside its name.

    Args:
        name: what to call it.
        tensor: a scalar, a vector, a matrix, or a batch of matrices.
        rows: one label for each row of a matrix.
        columns: one label for each column (for a vector: for each entry).
        decimals: digits after the point.

    Raises:
        ValueError: if the tensor has more than three axes, or the labels do not fit its shape.

    Example:
        >>> import torch
        >>> show("weights", torch.tensor([[0.25, 0.75]]), rows=["cat"], columns=["a", "cat"])
        weights  shape (1, 2)
                    a     cat
          cat  0.2500  0.7500
    """
    if tensor.ndim > 3:
        raise ValueError(
            f"show prints at most three axes, but {name} has shape {tuple(tensor.shape)}. "
            "Pick a part of it, such as tensor[0]."
        )
    print(f"{name}  shape {tuple(tensor.shape)}")
    if tensor.ndim == 3:
        for index, matrix in enumerate(tensor):
            print(f"  [{index}]")
            print(_table(matrix, rows, columns, decimals))
    else:
        print(_table(tensor, rows, columns, decimals))


def _table(
    tensor: Tensor,
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
    decimals: int,
) -> str:
    """Lay out at most two axes as right-aligned text."""
    matrix = tensor.detach().reshape(1, -1) if tensor.ndim < 2 else tensor.detach()
    _check_labels(rows, matrix.shape[0], "rows")
    _check_labels(columns, matrix.shape[1], "columns")
    cells = [[_number(value, decimals) for value in row] for row in matrix.tolist()]
    if columns is not None:
        cells.insert(0, list(columns))
    if rows is not None:
        heads = list(rows) if columns is None else ["", *rows]
        margin = max(map(len, heads), default=0)
        heads = [head.ljust(margin) + "  " for head in heads]
    else:
        heads = [""] * len(cells)
    width = max((len(cell) for row in cells for cell in row), default=0)
    lines = [
        head + "  ".join(cell.rjust(width) for cell in row)
        for head, row in zip(heads, cells, strict=True)
    ]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _number(value: float | int | bool, decimals: int) -> str:
    """Format one entry; integers and booleans stay as they are, and no zero is negative."""
    if isinstance(value, float):
        text = f"{value:.{decimals}f}"
        return text.removeprefix("-") if float(text) == 0 else text
    return str(value)


def _check_labels(labels: Sequence[str] | None, size: int, axis: str) -> None:
    """Raise a ValueError where the number of labels is not the size of their axis."""
    if labels is not None and len(labels) != size:
        raise ValueError(f"{len(labels)} labels for {size} {axis}: {list(labels)}")
