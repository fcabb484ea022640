"""Checks of the exercises in the chapter on position."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise, unlike
from glassbox.positions import sinusoids


def waves(n_positions: int, width: int, base: float = 10000.0) -> Tensor:
    """The table of waves, in double precision."""
    return sinusoids(torch.arange(n_positions, dtype=torch.float64), width, base)


def expect_value_error(call: Callable[[], Any], what: str, cause: str) -> None:
    """Refuse code that raises nothing, or another error."""
    try:
        call()
    except ValueError:
        return
    except NotImplementedError:
        raise
    except Exception as error:
        came = f"your code raised {type(error).__name__}"
        raise Wrong(f"{what}: expected a ValueError, {came}. {cause}") from error
    raise Wrong(f"{what}: expected a ValueError, and none was raised. {cause}")


@exercise("equal-scores")
def equal_scores(answer: Callable[[Tensor], Tensor]) -> None:
    """`answer(values)` averages each row with all rows before it."""
    for seed, shape in enumerate([(2, 5, 3), (4, 4), (3, 3, 3), (2, 3, 6, 2), (1, 4)]):
        values = draw(*shape, seed=seed)
        seq = shape[-2]
        seen = torch.arange(1, seq + 1)[:, None]
        total = values.cumsum(-2)
        causes = {
            "every position averages over the whole sequence. A causal mask hides what comes "
            "later.": values.mean(-2, keepdim=True).expand(shape),
            "the sum was divided by the length of the sequence. Position t sees t + 1 rows, "
            "counted from 0.": total / seq,
            "this is the sum. Weights sum to 1: divide by the number of rows seen.": total,
            "a position does not see itself. It may.": (total - values) / (seen - 1).clamp(min=1),
            "each position averages over what comes later.": values.flip(-2).cumsum(-2).flip(-2)
            / seen.flip(0),
            "the sum runs over the first axis. Tokens are the last axis but one.": values.cumsum(0)
            / torch.arange(1, shape[0] + 1).view(-1, *[1] * (len(shape) - 1)),
            "the sum runs over the columns. Tokens are the last axis but one.": values.cumsum(-1)
            / torch.arange(1, shape[-1] + 1),
        }
        if seq == shape[-1]:
            causes["the divisors line up with the columns. They need an axis: [:, None]."] = (
                total / seen[:, 0]
            )
        with blame(
            f"values {shape}: the divisors do not line up with the tokens. Give them an axis for "
            "the columns: [:, None]."
        ):
            got = answer(values.clone())
        want = total / seen
        compare(got, want, f"the averages of values {shape}", unlike(want, causes))


def _mistaken_waves(n: int, width: int, base: float) -> dict[str, Tensor]:
    """Return what the common mistakes give for a table of waves."""
    t = torch.arange(n, dtype=torch.float64)[:, None]
    columns = torch.arange(width, dtype=torch.float64)
    angles = t * base ** (-columns[0::2] / width)
    want = waves(n, width, base)
    own = t * base ** (-columns / width)
    twice = t * base ** (-2 * columns[0::2] / width)
    half = t * base ** (-columns[: width // 2] / width)

    def woven(even: Tensor, odd: Tensor) -> Tensor:
        return torch.stack([even, odd], dim=-1).flatten(1)

    return {
        "base has no effect: 10000 is written into the code.": waves(n, width),
        "sines and cosines are exchanged. Even columns are sines.": woven(
            angles.cos(), angles.sin()
        ),
        "all sines come first, then all cosines. They take turns: even columns, odd "
        "columns.": torch.cat([angles.sin(), angles.cos()], dim=1),
        "the 2 in the exponent is missing: pair i has -2i / width.": woven(half.sin(), half.cos()),
        "the 2 in the exponent is there twice: torch.arange(0, width, 2) is 2i already.": woven(
            twice.sin(), twice.cos()
        ),
        "a cosine has another step than its sine. A pair shares one.": woven(
            own[:, 0::2].sin(), own[:, 1::2].cos()
        ),
        "positions are counted from 1. The first one is 0.": sinusoids(t[:, 0] + 1, width, base),
        "the steps grow from pair to pair. The exponent is negative.": sinusoids(
            t[:, 0], width, 1 / base
        ),
        "rows are the columns here. A row belongs to a position.": want.T,
        "all pairs have the first pair's step.": woven(
            t.sin().expand_as(angles), t.cos().expand_as(angles)
        ),
    }


@exercise("sinusoid-table")
def sinusoid_table(answer: Callable[..., Tensor]) -> None:
    """`answer(n_positions, width, base)` is the table of waves, and an odd width is refused."""
    for n, width, base in [
        (5, 8, 10000.0), (6, 6, 10000.0), (4, 4, 100.0), (3, 2, 10000.0), (30, 10, 50.0),
    ]:  # fmt: skip
        with blame("the sizes do not fit. There are width / 2 steps, and a column of positions."):
            got = answer(n, width, base) if base != 10000 else answer(n, width)
        want = waves(n, width, base)
        causes = unlike(want, _mistaken_waves(n, width, base))
        what = f"the waves of {n} positions, width {width}, base {base:g}"
        compare(got, want, what, causes, rtol=1e-4, atol=1e-4)
    expect_value_error(
        lambda: answer(4, 5), "width 5", "Two cosines do not fit to three sines: say so first."
    )


def _shift(width: int, k: int, step: Tensor | None = None) -> Tensor:
    """Return the rotation of each pair by k steps, in double precision."""
    if step is None:
        step = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    turns = torch.stack([(k * step).cos(), -(k * step).sin(), (k * step).sin(), (k * step).cos()])
    return torch.block_diag(*turns.T.reshape(-1, 2, 2))


@exercise("shift-matrix")
def shift_matrix(answer: Callable[[int, int], Tensor]) -> None:
    """`answer(width, k)` moves the waves by k tokens, wherever they are."""
    for width, k in [(4, 3), (6, 1), (8, -2), (2, 5), (10, 10), (4, 0)]:
        pairs = torch.arange(0, width, 2, dtype=torch.float64)
        want = _shift(width, k)
        order = [*range(0, width, 2), *range(1, width, 2)]
        causes = {
            "it turns the wrong way: this is the shift by -k. A row stands left of its matrix, so "
            "the block is [[cos, -sin], [sin, cos]].": want.T,
            "k has no effect.": _shift(width, 1),
            "nothing moves: this is the identity.": torch.eye(width),
            "all pairs turn by the same angle. Pair i turns by k · 10000^(-2i / width).": _shift(
                width, k, torch.ones_like(pairs)
            ),
            "the 2 in the exponent is missing: pair i turns by k · 10000^(-2i / width).": _shift(
                width, k, 10000 ** (-pairs / 2 / width)
            ),
            "sines and cosines are taken as two halves. Here they take turns: a pair is two "
            "neighboring columns.": want[order][:, order],
            "both sines have the same sign. In a rotation one of them is negative: the block is "
            "[[cos, -sin], [sin, cos]].": want - 2 * want.triu(1),
        }
        with blame("put one 2 × 2 block for each pair on the diagonal, as torch.block_diag does."):
            got = answer(width, k)
        compare(got, want, f"R_k for width {width} and k = {k}", unlike(want, causes), atol=1e-4)


@exercise("look-back")
def look_back(answer: Callable[[int, int], tuple[Tensor, Tensor]]) -> None:
    """`answer(width, k)` makes the scores of the waves peak k tokens back."""
    for width, k in [(4, 1), (8, 3), (16, 5), (6, 6), (30, 2), (8, 0)]:
        what, table = f"width {width}, k = {k}", waves(30, width)
        got = answer(width, k)
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong(f"{what}: expected two matrices, w_q and w_k, got {type(got).__name__}.")
        for name, matrix in zip(("w_q", "w_k"), got, strict=True):
            shape = tuple(matrix.shape) if isinstance(matrix, Tensor) else type(matrix).__name__
            if shape != (width, width):
                raise Wrong(f"{what}: expected {name} of shape {(width, width)}, got {shape}.")
        w_q, w_k = (matrix.detach().double() for matrix in got)
        best = ((table @ w_q) @ (table @ w_k).T)[k:].argmax(dim=1)
        queries = torch.arange(k, 30)
        if torch.equal(best, queries - k):
            continue
        if torch.equal(best, queries):
            raise Wrong(f"{what}: each query finds itself. Turn one of the two sides by k.")
        if torch.equal(best[: 30 - 2 * k], queries[: 30 - 2 * k] + k):
            raise Wrong(
                f"{what}: each query finds the key k ahead. Turn the queries back, or the keys "
                "forward, and mind which side a row stands on."
            )
        if torch.equal(best[1:], queries[1:] - 1):
            raise Wrong(f"{what}: each query finds the key just before it. Turn by k, not by 1.")
        right = int((best == queries - k).sum())
        raise Wrong(
            f"{what}: {right} of {30 - k} queries have their highest score at t - k. Query {k} "
            f"finds key {int(best[0])}; expected 0."
        )
