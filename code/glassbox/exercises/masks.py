"""Checks of the exercises in the chapter on masks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from glassbox import masks
from glassbox.attention import SelfAttention
from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise, unlike


def _expect_boolean(got: Any, what: str) -> None:
    """Refuse a mask of numbers."""
    if isinstance(got, Tensor) and got.dtype != torch.bool:
        raise Wrong(
            f"{what}: expected a boolean mask, got {got.dtype}. A comparison gives booleans."
        )


@exercise("causal-mask")
def causal_mask(answer: Callable[[int, int], Tensor]) -> None:
    """`answer(n_queries, n_keys)` is causal for the last queries of all positions."""
    for seq, src in [(3, 5), (4, 4), (1, 3), (5, 6), (1, 1)]:
        want = masks.causal(seq, src)
        queries, keys = torch.arange(seq)[:, None], torch.arange(src)
        last = queries + src - seq
        causes = {
            "True marks what is blocked here. In this course it marks what is allowed.": ~want,
            "a query does not see its own position. It may: use <=.": keys < last,
            "the queries are taken as the first positions. They are the last ones: query 0 stands "
            "at position n_keys - n_queries.": keys <= queries,
            "each query sees the position after its own as well. Compare with its own.": keys
            <= last + 1,
            "each query sees what comes after it. Turn the comparison round.": keys >= last,
            "everything is allowed.": torch.ones_like(want),
            "rows are keys here. A row belongs to a query.": want.T,
        }
        with blame(
            f"{seq} queries and {src} keys: compare a column of positions, [:, None], with a row."
        ):
            got = answer(seq, src)
        what = f"the mask of {seq} queries and {src} keys"
        _expect_boolean(got, what)
        compare(got, want, what, unlike(want, causes))


@exercise("to-allowed")
def to_allowed(answer: Callable[[Tensor, str], Tensor]) -> None:
    """`answer(mask, convention)` is boolean, and True where attention is allowed."""
    for seed, shape in enumerate([(4, 4), (2, 1, 5, 5), (3, 7)]):
        want = draw(*shape, seed=seed) < 0
        additive = torch.zeros(shape).masked_fill(~want, -torch.inf)
        masks_given = [
            ("allowed", want, "True may attend already: return it as it is."),
            ("blocked", ~want, "True is blocked: turn it round with ~."),
            ("numbers", want.long(), "1 may attend."),
            ("numbers", want.float(), "1 may attend, in floats as well."),
            ("additive", additive, "0 is added where attention is allowed, so 0 is True."),
            ("additive", additive.double(), "0 is added where attention is allowed, so 0 is True."),
        ]
        for convention, mask, cause in masks_given:
            what = f"convention {convention!r}, {mask.dtype}"
            with blame(
                f"{what}: ~ is for booleans. Compare numbers with the one that means 'may attend'."
            ):
                got = answer(mask.clone(), convention)
            _expect_boolean(got, what)
            causes = {
                f"every entry is turned round. {cause}": ~want,
                "everything is allowed. bool() of minus infinity is True, too: compare with "
                "0.": torch.ones_like(want),
            }
            compare(got, want, what, causes)


@exercise("decoder-mask")
def decoder_mask(answer: Callable[[Tensor, int], Tensor]) -> None:
    """`answer(ids, pad_id)` hides the future and the padding, with an axis for the heads."""
    for ids, pad_id in [
        (torch.tensor([[0, 3, 9, 9, 9], [9, 9, 1, 0, 2]]), 9),
        (torch.tensor([[5, 3, 8], [0, 6, 1], [4, 0, 0]]), 0),
        (torch.tensor([[5, 3, 8, 2], [6, 1, 0, 0]]), 0),
        (torch.tensor([[1, 2, 3]]), 0),
    ]:
        seq = ids.shape[1]
        want = (ids != pad_id)[:, None, None, :] & masks.causal(seq)
        with blame(
            f"ids {tuple(ids.shape)}: the axes do not line up. Count from the right: keys last. "
            "(B, T) becomes (B, 1, 1, T) with [:, None, None, :]."
        ):
            got = answer(ids.clone(), pad_id)
        what = f"the mask of ids {tuple(ids.shape)}"
        _expect_boolean(got, what)
        compare(got, want, what, unlike(want, _mistaken_masks(ids, pad_id)))


def _mistaken_masks(ids: Tensor, pad_id: int) -> dict[str, Tensor]:
    """Return what the common mistakes give for a mask of padding and future."""
    causal, real = masks.causal(ids.shape[1]), ids != pad_id
    keys, queries = real[:, None, None, :], real[:, None, :, None]
    want = keys & causal
    mistaken = {
        "True marks what is blocked here. In this course it marks what is allowed.": ~want,
        "the real tokens are hidden and the padding is not. Use !=.": (~keys) & causal,
        "the future is not hidden.": keys.expand_as(want),
        "the padding is not hidden.": causal.expand_as(want),
        "the padding is hidden as a query, not as a key. Keys are the last axis.": queries & causal,
        "the padding is hidden as a query as well. Those rows then see nothing; leave them to the "
        "loss.": keys & queries & causal,
        "the masks are joined by 'or'. A key must pass both: use &.": keys | causal,
        "each query sees what comes after it. Use the lower triangle.": keys & causal.T,
        "a query does not see itself. The diagonal is allowed.": keys & causal.tril(-1),
        "the axis of the heads is missing. Add it, or the sequences line up with the heads.": want[
            :, 0
        ],
        "the id of the padding was taken to be 0. It is pad_id.": (ids != 0)[:, None, None]
        & causal,
    }
    if len(ids) == ids.shape[1]:
        cause = "the sequences line up with the queries. Write (ids != pad_id)[:, None, None, :]."
        mistaken[cause] = (real & causal).expand_as(want)
    return mistaken


class _Cancelling(nn.Module):
    """Leak into a later layer norm, where the plain sum of a row has no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.norm = SelfAttention(6, 6), nn.LayerNorm(6, elementwise_affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.mix(x))


def _next_row(x: Tensor) -> Tensor:
    """Let each row but the first see the next one as well."""
    return x + torch.cat([x[:, :1], x[:, 2:], x[:, -1:]], dim=1)


_EARLIER = "Row i may depend on rows up to i: look at later ones only, and take each row by itself."
_LATER = "Its rows depend on later ones. Are outputs confused with inputs?"
_JUDGED: list[tuple[str, Callable[[], Callable[[Tensor], Tensor]], bool, str]] = [
    ("causal self-attention", lambda: SelfAttention(6, 4, causal=True), False, _EARLIER),
    ("self-attention without a mask", lambda: SelfAttention(6, 4), True, _LATER),
    ("a linear layer", lambda: nn.Linear(6, 3), False, "A row may depend on itself."),
    ("a running sum", lambda: lambda x: x.cumsum(dim=1), False, _EARLIER),
    ("a sum from the end", lambda: lambda x: x.flip(1).cumsum(dim=1).flip(1), True, _LATER),
    ("one whose first row sees the last",
     lambda: lambda x: torch.cat([x[:, :1] + x[:, -1:], x[:, 1:]], dim=1), True,
     "Look at all later positions, not only at the next one."),
    ("one whose rows see the next", lambda: _next_row, True, "Look at all pairs, not only at the "
     "first row and the last."),
    ("one that leaks in the second sequence",
     lambda: lambda x: torch.cat([x[:1], _next_row(x[1:2]), x[2:]]), True,
     "Look at every sequence of the batch."),
    ("a leak behind a layer normalization", _Cancelling, True, "The plain sum of a normalized row "
     "is always 0, and so is its gradient. Weight the entries differently."),
]  # fmt: skip


@exercise("leaks")
def leaks(answer: Callable[[Callable[[Tensor], Tensor], Tensor], bool]) -> None:
    """`answer(function, x)` tells whether an output row depends on a later input row."""
    for seed, (batch, seq) in enumerate([(2, 5), (3, 3), (2, 6)]):
        for name, build, want, reason in _JUDGED:
            torch.manual_seed(seed)
            function, x = build(), draw(batch, seq, 6, seed=seed)
            with blame(
                "the gradient could not be taken. x has to require a gradient, and autograd.grad "
                "needs retain_graph=True if it is called more than once."
            ):
                got = answer(function, x)
            if got is None:
                raise Wrong("nothing came back. The function probably lacks a `return`.")
            if isinstance(got, Tensor) and got.numel() > 1:
                raise Wrong(f"expected a bool, got a tensor of shape {tuple(got.shape)}.")
            if bool(got) != want:
                judged = "harmless" if want else "leaking"
                raise Wrong(f"{name} was judged {judged}, and it is not. {reason}")
            if not isinstance(got, bool):
                raise Wrong(f"expected a Python bool, got {type(got).__name__}: wrap it in bool().")


def _expect_zero(got: Any) -> None:
    """Refuse anything but 0 as the loss if nothing counts."""
    if got is None:
        raise Wrong("nothing came back where nothing counts. Return 0 then.")
    got = torch.as_tensor(got)
    if got.isnan().any():
        raise Wrong("if nothing counts, it is the mean of nothing, 0 / 0. Return 0 then.")
    compare(got, torch.tensor(0.0), "the loss if nothing counts")


@exercise("masked-loss")
def masked_loss(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(logits, targets)` is the mean over the targets that count."""
    cause = "-100 is no class: pick the rows that count first, logits[counted], targets[counted]."
    for seed, (batch, seq, classes, size) in enumerate(
        [(2, 4, 5, 1.0), (3, 3, 3, 2.0), (1, 6, 2, 1.0), (2, 5, 7, 300.0)]
    ):
        logits = size * draw(batch, seq, classes, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        targets = torch.randint(classes, (batch, seq), generator=generator)
        targets[0, -1] = targets[1:2, 1:] = -100
        counted = targets != -100
        each = -logits.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        rows = (each * counted).sum(1) / counted.sum(1)
        causes = {
            "the sum was divided by the number of all targets. Divide by the number of those that "
            "count.": (each * counted).mean(),
            "this is the sum. Divide it by the number of targets that count.": each[counted].sum(),
            "the ignored targets count as class 0.": each.mean(),
            "the sign is wrong: a loss is minus the logarithm.": -each[counted].mean(),
            "this is the mean over sentences of their means. Every target that counts weighs the "
            "same.": rows.mean(),
            "this is the loss of each target. Take the mean.": each[counted],
            "the softmax runs over the positions, not over the classes.": -logits.log_softmax(1)
            .gather(-1, targets.clamp(min=0)[..., None])[..., 0][counted]
            .mean(),
        }
        want = each[counted].mean()
        with blame(cause):
            try:
                got = answer(logits.clone(), targets.clone())
            except IndexError as error:
                raise Wrong(f"{cause} (PyTorch says: {error})") from error
        if isinstance(got, Tensor) and got.numel() == 1 and not torch.isfinite(got):
            raise Wrong(
                f"the loss is {got.item()} for logits as large as {logits.abs().max():.0f}: the "
                "exponential overflows, or a probability underflows to 0. Use log_softmax."
            )
        compare(got, want, f"the loss of {batch} × {seq} targets", unlike(want, causes))
    _expect_zero(answer(draw(2, 3, 4), torch.full((2, 3), -100)))
