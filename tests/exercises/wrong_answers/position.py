"""Plausible wrong answers to the exercises on position."""

import torch
from torch import Tensor, nn

from glassbox.positions import sinusoids


def table(n: int, width: int, base: float = 10000.0, first: int = 0) -> Tensor:
    """The right waves, or those that start later."""
    return sinusoids(torch.arange(first, first + n, dtype=torch.float64), width, base)


def even(make):
    """The same, with the error for odd widths."""

    def answer(n: int, width: int, base: float = 10000.0) -> Tensor:
        if width % 2:
            raise ValueError(f"width is {width}")
        step = base ** (-torch.arange(0, width, 2) / width)
        return make(torch.arange(n)[:, None] * step, n, width, base)

    return answer


def woven(first: Tensor, second: Tensor) -> Tensor:
    """Columns in turns."""
    return torch.stack([first, second], dim=-1).flatten(1)


def assigned(n: int, width: int, base: float = 10000.0) -> Tensor:
    """The usual code, which an odd width breaks."""
    angles = torch.arange(n)[:, None] * base ** (-torch.arange(0, width, 2) / width)
    waves = torch.zeros(n, width)
    waves[:, 0::2], waves[:, 1::2] = angles.sin(), angles.cos()
    return waves


def rotation(width: int, k: float, step=None, block=None) -> Tensor:
    """One 2 × 2 block for each pair."""
    step = 10000.0 ** (-torch.arange(0, width, 2) / width) if step is None else step
    block = block or (lambda b: [b.cos(), -b.sin(), b.sin(), b.cos()])
    return torch.block_diag(*(torch.stack(block(k * one)).view(2, 2) for one in step))


def halves(width: int, k: int) -> Tensor:
    order = [*range(0, width, 2), *range(1, width, 2)]
    return rotation(width, k)[order][:, order]


def in_place(x: Tensor, rows: Tensor) -> Tensor:
    x += rows[: x.shape[-2]]
    return x


def refusing(make):
    """The same, with the error for long texts."""

    def answer(x: Tensor, rows: Tensor) -> Tensor:
        if x.shape[-2] > len(rows):
            raise ValueError("too long")
        return make(x, rows, x.shape[-2])

    return answer


def module(forward, keep="buffer", persistent=False):
    """A module that keeps its table in some way."""

    def answer(width: int, max_len: int) -> nn.Module:
        class Waves(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                waves = table(max_len, width).float()
                if keep == "buffer":
                    self.register_buffer("table", waves, persistent=persistent)
                else:
                    self.table = nn.Parameter(waves) if keep == "parameter" else waves

            def forward(self, x: Tensor) -> Tensor:
                return forward(x, self.table)

        return Waves()

    return answer


def in_place_rows(x: Tensor, waves: Tensor) -> Tensor:
    return x.add_(waves[: x.shape[1]])


def added(x: Tensor, waves: Tensor) -> Tensor:
    return x + waves[: x.shape[1]]


WRONG_ANSWERS = {
    "equal-scores": [
        (
            lambda v: v.mean(dim=-2, keepdim=True).expand_as(v),
            "A causal mask hides what comes later",
        ),
        (lambda v: v.cumsum(-2) / v.shape[-2], "divided by the length of the sequence"),
        (lambda v: v.cumsum(-2), "this is the sum"),
        (
            lambda v: (v.cumsum(-2) - v) / torch.arange(v.shape[-2]).clamp(min=1)[:, None],
            "does not see itself",
        ),
        (
            lambda v: v.flip(-2).cumsum(-2).flip(-2) / torch.arange(v.shape[-2], 0, -1)[:, None],
            "over what comes later",
        ),
        (
            lambda v: v.cumsum(0) / torch.arange(1, len(v) + 1).view(-1, *[1] * (v.ndim - 1)),
            "over the first axis",
        ),
        (lambda v: v.cumsum(-1) / torch.arange(1, v.shape[-1] + 1), "over the columns"),
        (lambda v: v.cumsum(-2) / torch.arange(1, v.shape[-2] + 1), "do not line up"),
        (lambda v: (v.cumsum(-2) / torch.arange(1, v.shape[-2] + 1)[:, None])[-1:], "expected"),
    ],
    "sinusoid-table": [
        (even(lambda a, n, w, b: woven(a.cos(), a.sin())), "Even columns are sines"),
        (even(lambda a, n, w, b: torch.cat([a.sin(), a.cos()], 1)), "They take turns"),
        (
            even(
                lambda a, n, w, b: woven(
                    (h := torch.arange(n)[:, None] * b ** (-torch.arange(w // 2) / w)).sin(),
                    h.cos(),
                )
            ),
            "the 2 in the exponent",
        ),
        (
            even(
                lambda a, n, w, b: woven(
                    a.sin(), (torch.arange(n)[:, None] * b ** (-torch.arange(1, w, 2) / w)).cos()
                )
            ),
            "A pair shares one",
        ),
        (
            even(
                lambda a, n, w, b: woven(
                    (t := torch.arange(n)[:, None] * b ** (-2 * torch.arange(0, w, 2) / w)).sin(),
                    t.cos(),
                )
            ),
            "there twice",
        ),
        (even(lambda a, n, w, b: table(n, w, b, first=1)), "The first one is 0"),
        (even(lambda a, n, w, b: table(n, w, 1 / b)), "The exponent is negative"),
        (even(lambda a, n, w, b: table(n, w)), "written into the code"),
        (even(lambda a, n, w, b: table(n, w, b).T), "A row belongs to a position"),
        (
            even(
                lambda a, n, w, b: woven(
                    (t := torch.arange(n)[:, None].expand(n, w // 2)).sin(), t.cos()
                )
            ),
            "the first pair's step",
        ),
        (
            even(
                lambda a, n, w, b: torch.arange(n) * b ** (-torch.arange(0, w, 2) / w),
            ),
            "a column of positions",
        ),
        (assigned, "Two cosines do not fit to three sines"),
        (lambda n, w, base=1e4: table(n, w + w % 2, base)[:, :w], "none was raised"),
    ],
    "shift-matrix": [
        (lambda w, k: rotation(w, k).T, "it turns the wrong way"),
        (lambda w, k: rotation(w, 1), "k has no effect"),
        (lambda w, k: torch.eye(w), "nothing moves"),
        (lambda w, k: rotation(w, k, torch.ones(w // 2)), "turn by the same angle"),
        (
            lambda w, k: rotation(w, k, 10000.0 ** (-torch.arange(w // 2) / w)),
            "the 2 in the exponent",
        ),
        (
            lambda w, k: rotation(w, k, block=lambda b: [b.cos(), b.sin(), b.sin(), b.cos()]),
            "both sines have the same sign",
        ),
        (halves, "a pair is two neighboring columns"),
        (lambda w, k: rotation(2, k), "expected shape (4, 4), got (2, 2)"),
        (
            lambda w, k: torch.stack([rotation(2, k)] * w) @ torch.zeros(w, w),
            "one 2 × 2 block for each pair",
        ),
        (lambda w, k: rotation(w, abs(k)), "it turns the wrong way"),
    ],
    "look-back": [
        (lambda w, k: (rotation(w, k), torch.eye(w)), "finds the key k ahead"),
        (lambda w, k: (torch.eye(w), torch.eye(w)), "each query finds itself"),
        (lambda w, k: (rotation(w, k), rotation(w, k)), "each query finds itself"),
        (lambda w, k: (rotation(w, -1), torch.eye(w)), "by k, not by 1"),
        (lambda w, k: rotation(w, -k), "expected two matrices"),
        (lambda w, k: (rotation(w, -k)[:2], torch.eye(w)), "expected w_q of shape (4, 4)"),
        (lambda w, k: (torch.zeros(w, w), torch.eye(w)), "have their highest score at t - k"),
        (lambda w, k: (rotation(w, -k), rotation(w, k)), "have their highest score at t - k"),
    ],
    "add-positions": [
        (refusing(lambda x, rows, seq: rows[:seq].expand_as(x)), "Add it to x"),
        (refusing(lambda x, rows, seq: x + rows[-seq:]), "count from the first one"),
        (refusing(lambda x, rows, seq: x + rows.roll(-1, 0)[:seq]), "Row 0 belongs to the first"),
        (refusing(lambda x, rows, seq: x + rows[0]), "Token t gets row t"),
        (refusing(lambda x, rows, seq: x * rows[:seq]), "they are multiplied"),
        (refusing(lambda x, rows, seq: x + rows), "Slice the table"),
        (refusing(lambda x, rows, seq: x + rows[:seq, None]), "the axes do not line up"),
        (
            refusing(
                lambda x, rows, seq: (
                    x + rows[: len(x), None] if x.shape[:2] == (4, 4) else x + rows[:seq]
                )
            ),
            "a sequence's number is not a position",
        ),
        (refusing(lambda x, rows, seq: in_place(x, rows)), "x itself was changed"),
        (lambda x, rows: x + rows[: x.shape[-2]], "your code raised RuntimeError"),
        (
            lambda x, rows: (
                x + (rows[: x.shape[-2]] if len(rows) > 1 else rows)
                if len(rows) != 4 or x.shape[-2] < 5
                else refusing(None)(x, rows)
            ),
            "A single row is stretched over all tokens",
        ),
    ],
    "position-module": [
        (lambda width, max_len: table(max_len, width), "expected an nn.Module"),
        (module(added, keep="parameter"), "an optimizer would change the waves"),
        (module(added, keep="attribute"), "there is no buffer"),
        (
            module(lambda x, waves: x + waves[: x.shape[1]].to(x.device), keep="attribute"),
            "there is no buffer",
        ),
        (module(added, persistent=True), "persistent=False"),
        (module(in_place_rows), "x itself was changed"),
        (module(lambda x, waves: x + waves), "Take the first x.shape[1] rows"),
        (module(lambda x, waves: waves[: x.shape[1]].expand_as(x)), "Add them to x"),
        (
            module(
                lambda x, waves: (
                    x + (waves[: len(x), None] if len(x) == x.shape[1] else added(0 * x, waves))
                )
            ),
            "the waves went along the batch",
        ),
        (module(lambda x, waves: added(x, waves).float()), "Do not fix the type"),
        (
            module(lambda x, waves: added(x, waves) + torch.zeros(x.shape).to(x.dtype)),
            "made on the CPU",
        ),
    ],
}
