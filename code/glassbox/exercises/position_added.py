"""Checks of the exercises on adding positions, in the chapter on position."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise, unlike
from glassbox.exercises.position import expect_value_error, waves


@exercise("add-positions")
def add_positions(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(x, table)` adds row t to each token at t, and refuses what is too long."""
    for seed, (shape, rows) in enumerate(
        [((2, 5, 3), 8), ((4, 4, 6), 4), ((3, 3, 3), 5), ((5, 2), 7), ((2, 3, 4, 6), 9),
         ((1, 6, 4), 6)]
    ):  # fmt: skip
        x, table = draw(*shape, seed=seed), draw(rows, shape[-1], seed=seed + 50)
        seq, given = shape[-2], draw(*shape, seed=seed)
        causes = {
            "this is the table alone. Add it to x.": table[:seq].expand(shape),
            "the last rows of the table were taken. Positions count from the first one.": x
            + table[-seq:],
            "positions count from 1. Row 0 belongs to the first token.": x
            + table.roll(-1, dims=0)[:seq],
            "every token got row 0. Token t gets row t.": x + table[0],
            "they are multiplied. Add them.": x * table[:seq],
        }
        if shape[0] in (1, seq) and len(shape) == 3:
            cause = "the rows went along the batch: a sequence's number is not a position. Leave "
            causes[cause + "the table's axes as they are."] = x + table[:seq, None]
        with blame(
            f"x {shape}, table {tuple(table.shape)}: the axes do not line up. Slice the table to T "
            "rows, and let its last two axes meet the last two of x."
        ):
            got = answer(given, table.clone())
        if not torch.equal(given, x):
            raise Wrong("x itself was changed: `x += …` writes into it. Return a new tensor.")
        want = x + table[:seq]
        compare(got, want, f"x {shape} with a table of {rows} rows", unlike(want, causes))
    for rows in (4, 1):
        why = "A single row is stretched over all tokens, without an error." if rows == 1 else ""
        expect_value_error(
            lambda rows=rows: answer(draw(2, 5, 3), draw(rows, 3)),
            f"5 tokens and a table of {rows} rows",
            f"Compare the two numbers before adding. {why}".strip(),
        )


@exercise("position-module")
def position_module(answer: Callable[[int, int], nn.Module]) -> None:
    """`answer(width, max_len)` is a module with waves in a buffer that is not saved."""
    for width, max_len, shape in [(4, 9, (2, 5)), (6, 6, (6, 6)), (8, 12, (3, 3)), (2, 5, (1, 4))]:
        module, what = answer(width, max_len), f"width {width}, max_len {max_len}"
        if not isinstance(module, nn.Module):
            raise Wrong(f"{what}: expected an nn.Module, got {type(module).__name__}.")
        if list(module.parameters()):
            raise Wrong(f"{what}: there are parameters, and an optimizer would change the waves.")
        _expect_sums(module, draw(*shape, width), what)
        if not list(module.buffers()):
            raise Wrong(
                f"{what}: there is no buffer. A plain attribute stays behind when the module moves "
                "to another type or device: use register_buffer."
            )
        if module.state_dict():
            raise Wrong(
                f"{what}: the state dict holds {list(module.state_dict())}, and then a checkpoint "
                "fits one max_len only. Register the buffer with persistent=False."
            )
        _expect_to_follow(module, shape, width)


def _expect_sums(module: nn.Module, x: Tensor, what: str) -> None:
    """Refuse a module that does not add each position's wave to its token."""
    batch, seq, width = x.shape
    table = waves(seq, width).float()
    causes = {
        "these are the waves alone. Add them to x.": table.expand_as(x),
        "positions count from 1. The first one is 0.": x + waves(seq + 1, width)[1:].float(),
    }
    if batch in (1, seq):
        cause = "the waves went along the batch. Tokens are axis 1, and T is x.shape[1]."
        causes[cause] = x + table[:, None]
    with blame(
        f"{what}, x {tuple(x.shape)}: the axes do not line up. Take the first x.shape[1] rows."
    ):
        got = module(given := x.clone())
    if not torch.equal(given, x):
        raise Wrong(f"{what}: x itself was changed: `x += …` writes into it. Return a new tensor.")
    want = x + table
    compare(got, want, f"{what}, x {tuple(x.shape)}", unlike(want, causes), rtol=1e-4, atol=1e-4)


def _expect_to_follow(module: nn.Module, shape: tuple[int, int], width: int) -> None:
    """Refuse a module that cannot be moved to another type and device."""
    wide = module.double()(torch.zeros(*shape, width, dtype=torch.float64))
    if wide.dtype != torch.float64:
        raise Wrong(f"after .double(), the sums are {wide.dtype}. Do not fix the type in forward.")
    try:
        module.to("meta")(torch.zeros(*shape, width, dtype=torch.float64, device="meta"))
    except RuntimeError as error:
        raise Wrong(
            "on another device the forward pass fails: a tensor stayed behind or is made on the "
            f"CPU. Keep it in a buffer. (PyTorch says: {error})"
        ) from error
