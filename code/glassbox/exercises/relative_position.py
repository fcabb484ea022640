"""Checks of the exercises in the chapter on relative position."""

from collections.abc import Callable

import torch
from torch import Tensor

from glassbox.exercises.engine import blame, compare, draw, exercise, unlike
from glassbox.positions import alibi_slopes


def _mistaken_biases(b: Tensor, offset: Tensor, reach: int) -> dict[str, Tensor]:
    """Return what the common mistakes give for a relative bias."""
    index = offset.clamp(-reach, reach) + reach
    want, inside = b[:, index], offset.abs() <= reach
    return {
        "the sign of the offset is turned round. It is i − j, the query's place minus the "
        "key's.": b[:, index.T],
        "the list is read as if it began with offset 0. Add R to the clamped offset.": b[
            :, offset.clamp(-reach, reach)
        ],
        "the distance |i − j| was looked up: keys before and after a query have numbers of "
        "their own.": b[:, offset.abs().clamp(max=reach) + reach],
        "offsets beyond R count as 0. They use the last number on their side: clamp.": want
        * inside,
        "offsets beyond R come round from the other end. Clamp them.": b[
            :, (offset + reach) % (2 * reach + 1)
        ],
        "the heads came last. Return (H, T, T).": want.permute(1, 2, 0),
        "all heads have the numbers of the first one.": b[:1, index].expand_as(want),
        "only the first head came back.": b[0, index],
    }


@exercise("relative-bias")
def relative_bias(answer: Callable[[Tensor, int], Tensor]) -> None:
    """`answer(b, seq)` looks up the offset i − j of each query and key."""
    for seed, (heads, reach, seq) in enumerate([(3, 4, 5), (2, 2, 7), (5, 2, 5), (1, 5, 3)]):
        b = draw(heads, 2 * reach + 1, seed=seed)
        places = torch.arange(seq)
        offset = places[:, None] - places
        want = b[:, offset.clamp(-reach, reach) + reach]
        causes = _mistaken_biases(b, offset, reach)
        what = f"the bias of {heads} heads, R = {reach}, {seq} tokens"
        with blame(f"{what}: make a (T, T) matrix of indices, and index the last axis of b."):
            try:
                got = answer(b.clone(), seq)
            except IndexError as error:
                raise RuntimeError(f"{error}. Clamp the offsets to −R and R first") from error
        compare(got, want, what, unlike(want, causes, atol=1e-4))


def _mistaken_slopes(heads: int, offset: Tensor) -> dict[str, Tensor]:
    """Return what the common mistakes give for ALiBi's bias."""
    count, power = torch.arange(heads), 1 << (heads.bit_length() - 1)
    slopes, double = alibi_slopes(heads), alibi_slopes(2 * power)

    def with_slopes(slopes: Tensor, distance: Tensor | None = None) -> Tensor:
        return -slopes[:, None, None] * (offset.abs() if distance is None else distance)

    want = with_slopes(slopes)
    return {
        "the sign is wrong: distance is taken off, so no entry is positive.": -want,
        "the formula for a power of two was used for another number of heads. Its slopes come "
        "from two sequences.": with_slopes(2.0 ** (-8 * (count + 1) / heads)),
        "h counts from 1: the first slope is 2 to the power of −8/H, not 1.": with_slopes(
            2.0 ** (-8 * count / heads)
        ),
        "this is i − j without the absolute value: keys ahead gain.": with_slopes(slopes, offset),
        "keys ahead of the query lose nothing. They lose by distance, too.": with_slopes(
            slopes, offset.clamp(min=0)
        ),
        "the slopes are in order of size. Those of the power of two come first.": with_slopes(
            slopes.sort(descending=True).values
        ),
        "the slopes that are missing are the first of the longer sequence. Take every second "
        "one.": with_slopes(torch.cat([slopes[:power], double[: heads - power]])),
        "the slopes that are missing are the second, fourth, … of the longer sequence. Take "
        "the first, third, ….": with_slopes(
            torch.cat([slopes[:power], double[1::2][: heads - power]])
        ),
        "the heads came last. Return (H, T, T).": want.permute(1, 2, 0),
    }


@exercise("alibi-bias")
def alibi_bias(answer: Callable[[int, int], Tensor]) -> None:
    """`answer(n_heads, seq)` is minus slope times distance."""
    for heads, seq in [(4, 5), (8, 3), (6, 6), (1, 4), (3, 3), (12, 2), (2, 7)]:
        places = torch.arange(seq)
        offset = (places[:, None] - places).float()
        want = -alibi_slopes(heads)[:, None, None] * offset.abs()
        causes = _mistaken_slopes(heads, offset)
        what = f"the bias of {heads} heads, {seq} tokens"
        with blame(f"{what}: give the slopes two more axes, slopes[:, None, None]."):
            got = answer(heads, seq)
        compare(got, want, what, unlike(want, causes, atol=1e-4), rtol=1e-4, atol=1e-6)


def _turned(
    x: Tensor,
    positions: Tensor,
    pairs: str = "halves",
    sign: int = 1,
    speeds: Tensor | None = None,
) -> Tensor:
    """Return x turned, right or with a mistake."""
    width = x.shape[-1]
    if speeds is None:
        speeds = 10000.0 ** (-torch.arange(0, width, 2) / width)
    phi = sign * positions[:, None] * speeds
    a, b = x.chunk(2, dim=-1) if pairs == "halves" else (x[..., 0::2], x[..., 1::2])
    first, second = a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()
    if pairs == "halves":
        return torch.cat([first, second], dim=-1)
    return torch.stack([first, second], dim=-1).flatten(-2)


def _mistaken_turns(x: Tensor, where: Tensor) -> dict[str, Tensor]:
    """Return what the common mistakes give for rotary positions."""
    width = x.shape[-1]
    i = torch.arange(width // 2)
    causes = {
        "neighbors are paired. Here column i belongs to column i + d/2.": _turned(
            x, where, "neighbors"
        ),
        "the vectors are turned the wrong way round. Look at the signs of the sines.": _turned(
            x, where, sign=-1
        ),
        "the positions that were given are not used: they are counted from 0.": _turned(
            x, torch.arange(len(where))
        ),
        "the exponent is −i/d. It is −2i/d.": _turned(x, where, speeds=10000.0 ** (-i / width)),
        "the speeds grow from pair to pair. The exponent is negative.": _turned(
            x, where, speeds=10000.0 ** (2 * i / width)
        ),
        "all pairs turn at one speed.": _turned(x, where, speeds=torch.ones(width // 2)),
        "nothing is turned.": x,
    }
    a, b = x.chunk(2, dim=-1)
    phi = where[:, None] * 10000.0 ** (-2 * i / width)
    first = a * phi.cos() - b * phi.sin()
    plus = torch.cat([a * phi.cos() + b * phi.sin(), a * phi.sin() + b * phi.cos()], dim=-1)
    causes["a minus is missing: the first half becomes a cos − b sin."] = plus
    causes["only the first half is turned. The second: a sin + b cos."] = torch.cat([first, b], -1)
    spoiled = torch.cat([first, first * phi.sin() + b * phi.cos()], dim=-1)
    causes["the second half was made from the first one after it was turned. Keep a."] = spoiled
    return causes


@exercise("rotate")
def rotate(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(x, positions)` turns columns i and i + d/2 by the angle of each position."""
    for seed, (shape, positions) in enumerate(
        [
            ((5, 8), [0, 1, 2, 3, 4]),
            ((2, 3, 4, 6), [7, 8, 9, 10]),
            ((4, 4, 4, 4), [3, 0, 11, 2]),
            ((1, 2, 1, 10), [40]),
            ((3, 2), [5, 6, 100]),
        ]
    ):
        x, where = draw(*shape, seed=seed), torch.tensor(positions)
        causes = _mistaken_turns(x, where)
        want = _turned(x, where)
        what = f"x {tuple(shape)} at positions {positions}"
        with blame(f"{what}: the angles have shape (T, d/2), from a column of positions."):
            got = answer(x.clone(), where.clone())
        compare(got, want, what, unlike(want, causes, atol=1e-4), rtol=1e-3, atol=1e-4)


@exercise("convert-halves")
def convert_halves(answer: Callable[[Tensor, int], Tensor]) -> None:
    """`answer(w, n_heads)` puts the even columns of each head before its odd ones."""
    for seed, (d_model, heads, width) in enumerate([(12, 2, 6), (16, 2, 8), (8, 1, 8), (10, 3, 8)]):
        w = draw(d_model, heads * width, seed=seed)
        order = torch.cat([torch.arange(0, width, 2), torch.arange(1, width, 2)])
        cut = w.unflatten(-1, (heads, width))
        inside = w.unflatten(-1, (width, heads))
        causes = {
            "the even columns of all heads came first. Each head has pairs of its own.": torch.cat(
                [w[:, 0::2], w[:, 1::2]], dim=1
            ),
            "this is the way back, from halves to neighbors.": cut[..., order.argsort()].flatten(
                -2
            ),
            "the odd columns come first. Then each pair is turned the other way round.": cut[
                ..., order.roll(width // 2)
            ].flatten(-2),
            "nothing has moved.": w,
            "the columns of each head are in reverse order.": cut.flip(-1).flatten(-2),
            "heads came back as an axis. Put them beside each other again.": cut[..., order],
            "columns of different heads are mixed: the head is the outer axis, (H, d).": inside[
                :, order
            ].flatten(-2),
        }
        if d_model % (2 * heads) == 0:
            rows = w.unflatten(0, (heads, -1))
            causes["the rows have moved. A query's entries are the columns of w."] = torch.cat(
                [rows[:, 0::2], rows[:, 1::2]], dim=1
            ).flatten(0, 1)
        what = f"w {tuple(w.shape)} with {heads} heads"
        with blame(f"{what}: give the heads an axis, w.unflatten(-1, (n_heads, -1))."):
            got = answer(w.clone(), heads)
        want = cut[..., order].flatten(-2)
        compare(got, want, what, unlike(want, causes, atol=1e-4))


@exercise("score-terms")
def score_terms(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    """`answer(t, p, w_q, w_k)` expands the score of a sum into four products."""
    for seed, (seq, d_model, d_k) in enumerate([(5, 8, 4), (4, 4, 4), (3, 6, 1), (6, 2, 9)]):
        t, p = draw(2, seq, d_model, seed=seed)
        w_q, w_k = draw(2, d_model, d_k, seed=seed + 10)
        pairs = [(a, b) for a in (t, p) for b in (t, p)]
        raw = torch.stack([(a @ w_q) @ (b @ w_k).T for a, b in pairs])
        want = raw / d_k**0.5
        causes = {
            "the scores are not scaled. Divide by the square root of d_k.": raw,
            "the scores are divided by d_k. Take its square root.": raw / d_k,
            "the scores are divided by the root of the model width. Take d_k.": raw / d_model**0.5,
            "content-position and position-content are exchanged. The query's part is named "
            "first.": want[[0, 2, 1, 3]],
            "queries and keys are exchanged: rows belong to queries.": want.transpose(1, 2),
            "W_Q and W_K are exchanged.": torch.stack([(a @ w_k) @ (b @ w_q).T for a, b in pairs])
            / d_k**0.5,
            "this is the whole score. Return its four terms.": want.sum(0),
            "the terms came last. Return (4, T, T).": want.permute(1, 2, 0),
            "the two mixed terms are added up. Return each.": torch.stack(
                [want[0], want[1] + want[2], want[3]]
            ),
        }
        what = f"the terms of {seq} tokens, width {d_model}, d_k {d_k}"
        with blame(f"{what}: a query is a row times w_q, and queries meet keys by @ with .T."):
            got = answer(t.clone(), p.clone(), w_q.clone(), w_k.clone())
        compare(got, want, what, unlike(want, causes, atol=1e-4))
