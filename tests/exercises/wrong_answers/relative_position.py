"""Plausible wrong answers to the exercises on relative position."""

import torch
from torch import Tensor


def looked_up(index, after=lambda bias: bias):
    """A relative bias whose matrix of indices is made from offsets i - j and R."""

    def answer(b: Tensor, seq: int) -> Tensor:
        places = torch.arange(seq)
        return after(b[:, index(places[:, None] - places, b.shape[-1] // 2)])

    return answer


def no_number_beyond(b: Tensor, seq: int) -> Tensor:
    reach = b.shape[-1] // 2
    places = torch.arange(seq)
    offset = places[:, None] - places
    return b[:, offset.clamp(-reach, reach) + reach] * (offset.abs() <= reach)


def clamped(offset: Tensor, reach: int) -> Tensor:
    return offset.clamp(-reach, reach) + reach


def right_slopes(n_heads: int) -> Tensor:
    power = 2 ** (n_heads.bit_length() - 1)
    slopes = [2 ** (-8 * h / power) for h in range(1, power + 1)]
    slopes += [2 ** (-4 * h / power) for h in range(1, 2 * power, 2)]
    return torch.tensor(slopes[:n_heads])


def filled_from(first: int, step: int):
    """Slopes whose missing ones are other members of the longer sequence."""

    def slopes(n_heads: int) -> Tensor:
        power = 2 ** (n_heads.bit_length() - 1)
        longer = right_slopes(2 * power)
        return torch.cat([right_slopes(power), longer[first::step][: n_heads - power]])

    return slopes


def sloped(slopes=right_slopes, distance=torch.abs, sign: int = -1, after=lambda bias: bias):
    """A bias from slopes, and from distances made of i - j."""

    def answer(n_heads: int, seq: int) -> Tensor:
        places = torch.arange(seq)
        matrix = distance(places[:, None] - places)
        return after(sign * slopes(n_heads)[:, None, None] * matrix)

    return answer


def turned(speed=None, sign: int = 1, count=False, after=None):
    """Halves, turned at some speeds."""

    def answer(x: Tensor, positions: Tensor) -> Tensor:
        width = x.shape[-1]
        i = torch.arange(width // 2)
        speeds = 10000.0 ** (-2 * i / width) if speed is None else speed(i, width)
        where = torch.arange(len(positions)) if count else positions
        phi = sign * where[:, None] * speeds
        a, b = x.chunk(2, dim=-1)
        if after is not None:
            return torch.cat(after(a, b, phi.cos(), phi.sin()), dim=-1)
        return torch.cat([a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()], dim=-1)

    return answer


def by_neighbors(x: Tensor, positions: Tensor) -> Tensor:
    width = x.shape[-1]
    phi = positions[:, None] * 10000.0 ** (-torch.arange(0, width, 2) / width)
    a, b = x[..., 0::2], x[..., 1::2]
    pairs = a * phi.cos() - b * phi.sin(), a * phi.sin() + b * phi.cos()
    return torch.stack(pairs, dim=-1).flatten(-2)


def overwritten(a: Tensor, b: Tensor, cos: Tensor, sin: Tensor) -> list[Tensor]:
    a = a * cos - b * sin
    return [a, a * sin + b * cos]


def by_head(change):
    """Columns changed within each head."""
    return lambda w, n_heads: change(w.unflatten(-1, (n_heads, -1))).flatten(-2)


def all_heads_at_once(w: Tensor, n_heads: int) -> Tensor:
    return torch.cat([w[:, 0::2], w[:, 1::2]], dim=1)


def rows_moved(w: Tensor, n_heads: int) -> Tensor:
    rows = w.unflatten(0, (n_heads, -1))
    return torch.cat([rows[:, 0::2], rows[:, 1::2]], dim=1).flatten(0, 1)


def heads_inside(w: Tensor, n_heads: int) -> Tensor:
    cut = w.unflatten(-1, (-1, n_heads))
    return torch.cat([cut[:, 0::2], cut[:, 1::2]], dim=1).flatten(-2)


def terms(change=lambda terms: terms, scale=lambda w: w.shape[1] ** 0.5, exchanged=False):
    """Four terms, scaled and then changed."""

    def answer(t: Tensor, p: Tensor, w_q: Tensor, w_k: Tensor) -> Tensor:
        if exchanged:
            w_q, w_k = w_k, w_q
        each = [(a @ w_q) @ (b @ w_k).T / scale(w_q) for a in (t, p) for b in (t, p)]
        return change(torch.stack(each))

    return answer


WRONG_ANSWERS = {
    "relative-bias": [
        (looked_up(lambda offset, reach: clamped(-offset, reach)), "sign of the offset"),
        (looked_up(lambda offset, reach: offset.clamp(-reach, reach)), "began with offset 0"),
        (looked_up(lambda offset, reach: clamped(offset.abs(), reach)), "distance |i − j|"),
        (no_number_beyond, "count as 0"),
        (looked_up(lambda offset, reach: (offset + reach) % (2 * reach + 1)), "come round"),
        (looked_up(lambda offset, reach: offset + reach), "Clamp"),
        (looked_up(clamped, lambda bias: bias.permute(1, 2, 0)), "heads came last"),
        (looked_up(clamped, lambda bias: bias[0]), "only the first head"),
        (looked_up(clamped, lambda bias: bias[:1].expand_as(bias)), "numbers of the first"),
        (looked_up(clamped, lambda bias: None), "lacks a `return`"),
    ],
    "alibi-bias": [
        (sloped(sign=1), "sign is wrong"),
        (
            sloped(lambda n: torch.tensor([2 ** (-8 * h / n) for h in range(1, n + 1)])),
            "another number of heads",
        ),
        (sloped(lambda n: torch.tensor([2 ** (-8 * h / n) for h in range(n)])), "h counts from 1"),
        (sloped(distance=lambda offset: offset), "without the absolute value"),
        (sloped(distance=lambda offset: offset.clamp(min=0)), "keys ahead of the query"),
        (sloped(lambda n: right_slopes(n).sort(descending=True).values), "order of size"),
        (sloped(filled_from(0, 1)), "every second"),
        (sloped(filled_from(1, 2)), "second, fourth"),
        (sloped(after=lambda bias: bias.permute(1, 2, 0)), "heads came last"),
        (sloped(after=lambda bias: bias[0]), "expected shape"),
        (lambda n_heads, seq: right_slopes(n_heads) * -torch.ones(seq, seq), "two more axes"),
    ],
    "rotate": [
        (by_neighbors, "neighbors are paired"),
        (turned(sign=-1), "wrong way round"),
        (turned(count=True), "counted from 0"),
        (turned(lambda i, width: 10000.0 ** (-i / width)), "exponent is −i/d"),
        (turned(lambda i, width: 10000.0 ** (2 * i / width)), "speeds grow"),
        (turned(lambda i, width: torch.ones(width // 2)), "one speed"),
        (lambda x, positions: x, "nothing is turned"),
        (turned(after=lambda a, b, cos, sin: [a * cos - b * sin, b]), "only the first half"),
        (turned(after=overwritten), "after it was turned"),
        (
            turned(after=lambda a, b, cos, sin: [a * cos + b * sin, a * sin + b * cos]),
            "a minus is missing",
        ),
        (lambda x, positions: x * positions.cos(), "shape (T, d/2)"),
    ],
    "convert-halves": [
        (all_heads_at_once, "even columns of all heads"),
        (
            by_head(lambda h: torch.stack(h.chunk(2, dim=-1), dim=-1).flatten(-2)),
            "the way back",
        ),
        (by_head(lambda h: torch.cat([h[..., 1::2], h[..., 0::2]], dim=-1)), "odd columns"),
        (lambda w, n_heads: w, "nothing has moved"),
        (rows_moved, "the rows have moved"),
        (by_head(lambda h: h.flip(-1)), "reverse order"),
        (heads_inside, "columns of different heads"),
        (
            lambda w, n_heads: torch.cat(
                [w.unflatten(-1, (n_heads, -1))[..., i::2] for i in (0, 1)], dim=-1
            ),
            "heads came back as an axis",
        ),
    ],
    "score-terms": [
        (terms(scale=lambda w: 1.0), "not scaled"),
        (terms(scale=lambda w: w.shape[1]), "divided by d_k"),
        (terms(scale=lambda w: w.shape[0] ** 0.5), "root of the model width"),
        (terms(lambda four: four[[0, 2, 1, 3]]), "content-position and position-content"),
        (terms(lambda four: four.mT), "queries and keys are exchanged"),
        (terms(exchanged=True), "W_Q and W_K"),
        (terms(lambda four: four.sum(0)), "whole score"),
        (terms(lambda four: four.permute(1, 2, 0)), "came last"),
        (terms(lambda four: torch.stack([four[0], four[1] + four[2], four[3]])), "mixed terms"),
    ],
}
