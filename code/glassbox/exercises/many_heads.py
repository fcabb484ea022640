"""Checks of the exercises in the chapter on many heads."""

from collections.abc import Callable

import torch
from torch import Tensor

from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise


@exercise("split-heads")
def split_heads(answer: Callable[[Tensor, int], Tensor]) -> None:
    """`answer(x, n_heads)` has the heads before the tokens, each with its own columns of x."""
    for seed, (batch, seq, n_heads, d_head) in enumerate(
        [(2, 3, 4, 5), (2, 4, 4, 4), (1, 6, 2, 3), (3, 5, 1, 2)]
    ):
        x = draw(batch, seq, 3 * n_heads * d_head, seed=seed)
        x = x.chunk(3, dim=-1)[1]  # as the queries, keys and values of a fused layer come
        cut = x.unflatten(-1, (n_heads, d_head))
        causes = {
            "the shape came about in one step, so a head holds pieces of tokens. Cut the last axis "
            "first, (B, T, H, d), then exchange two axes.": x.reshape(batch, n_heads, seq, d_head),
            "the last axis is cut, but the heads still stand behind the tokens: exchange axes 1 "
            "and 2.": cut,
            "a head took every H-th number of a token. It takes d neighbors: cut into (H, d), not "
            "(d, H).": x.unflatten(-1, (d_head, n_heads)).permute(0, 3, 1, 2),
            "tokens and the numbers of a head have changed places: the shape is to be "
            "(B, H, T, d).": cut.permute(0, 2, 3, 1),
        }
        with blame(
            "`view` cannot join or exchange axes here. Cut the last axis into (n_heads, d), and "
            "exchange the axes with transpose(1, 2) afterwards."
        ):
            got = answer(x, n_heads)
        compare(got, cut.transpose(1, 2), f"{n_heads} heads of width {d_head}", causes)


@exercise("merge-heads")
def merge_heads(answer: Callable[[Tensor], Tensor]) -> None:
    """`answer(context)` has the heads of each token side by side."""
    for seed, (batch, n_heads, seq, d_head) in enumerate(
        [(2, 3, 4, 5), (2, 4, 4, 4), (1, 2, 6, 3), (3, 1, 5, 2)]
    ):
        context = draw(batch, n_heads, seq, d_head, seed=seed)
        back = context.transpose(1, 2)
        causes = {
            "the axes were joined without bringing the heads of a token together: exchange axes 1 "
            "and 2 first.": context.reshape(batch, seq, n_heads * d_head),
            "the numbers of the heads are interleaved. The d numbers of a head stay side by "
            "side.": context.permute(0, 2, 3, 1).flatten(2),
            "this is the sum over heads. They are put side by side.": context.sum(dim=1),
            "this is the mean over heads. They are put side by side.": context.mean(dim=1),
            "this is (B, T, H, d): join the last two axes.": back,
        }
        with blame(
            "after transpose(1, 2) the numbers do not lie in memory in the order of the axes, and "
            "`view` cannot join axes then. Call .contiguous() first, or use reshape or flatten."
        ):
            got = answer(context.clone())
        compare(got, back.flatten(2), f"{n_heads} heads of width {d_head}, merged", causes)


def _mask(seq: int, kind: str) -> Tensor:
    """A mask `(T, T)`: each token and the one before, no later token, or everything."""
    causal, eye = torch.ones(seq, seq).tril().bool(), torch.eye(seq).bool()
    return {"pairs": eye | eye.roll(1, 1), "causal": causal, "all": torch.ones_like(causal)}[kind]


def _multi_head_causes(
    qkv: list[Tensor], w_o: Tensor, n_heads: int, mask: Tensor, d_model: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """What multi-head attention returns, and what it returns after each common mistake."""
    batch, seq, width = qkv[0].shape
    d_head = width // n_heads
    q, k, v = (part.unflatten(-1, (n_heads, d_head)).transpose(1, 2) for part in qkv)
    scores = q @ k.mT / d_head**0.5

    def hide(scores: Tensor) -> Tensor:
        return scores.masked_fill(~mask, -torch.inf)

    def out(weights: Tensor, v: Tensor = v) -> Tensor:
        return (weights @ v).transpose(1, 2).flatten(2) @ w_o

    def scaled(width: int) -> Tensor:
        return out(hide(scores * (d_head / width) ** 0.5).softmax(-1))

    context = hide(scores).softmax(-1) @ v
    merged = context.transpose(1, 2).flatten(2)
    torn = [part.reshape(batch, n_heads, seq, d_head) for part in qkv]
    torn_weights = hide(torn[0] @ torn[1].mT / d_head**0.5).softmax(-1)
    one_head = hide(qkv[0] @ qkv[1].mT / width**0.5).softmax(-1) @ qkv[2] @ w_o
    return merged @ w_o, {
        "the scores are not scaled: divide them by the square root of d.": scaled(1),
        "the scores were divided by d, not by its square root.": scaled(d_head**2),
        "the scale is that of all heads together. A head's own width counts.": scaled(width),
        "the scale is that of the model's width. A head's own width counts.": scaled(d_model),
        "the mask is not applied.": out(scores.softmax(-1)),
        "the mask is turned around: True means allowed.": out(
            scores.masked_fill(mask, -torch.inf).softmax(-1)
        ),
        "the mask came after the softmax, so the rows no longer sum to 1.": out(
            scores.softmax(-1) * mask
        ),
        "a hidden score of 0 still gets weight: use -torch.inf.": out((scores * mask).softmax(-1)),
        "the softmax runs over the queries. Use dim=-1.": out(hide(scores).softmax(-2)),
        "queries, keys and values were brought to (B, H, T, d) in one step, so a head holds "
        "pieces of tokens. Cut, then transpose.": out(torn_weights, torn[2]),
        "the contexts were merged without bringing the heads of a token together: transpose "
        "first.": context.reshape(batch, seq, -1) @ w_o,
        "the heads are side by side, but not mixed: multiply by w_o.": merged,
        "this is a single head of the full width: the heads were not cut.": one_head,
    }


@exercise("multi-head")
def multi_head(answer: Callable[..., Tensor]) -> None:
    """`answer(x, w_q, w_k, w_v, w_o, n_heads, mask)` is multi-head attention."""
    for seed, (batch, seq, d_model, n_heads, d_head, kind) in enumerate(
        [
            (2, 5, 6, 3, 4, "pairs"),
            (2, 4, 4, 2, 2, "causal"),
            (3, 3, 5, 3, 3, "all"),
            (1, 6, 8, 4, 2, "pairs"),
        ]
    ):
        x = draw(batch, seq, d_model, seed=seed)
        w_q, w_k, w_v = 1.5 * draw(3, d_model, n_heads * d_head, seed=seed + 10)
        w_o, mask = draw(n_heads * d_head, d_model, seed=seed + 20), _mask(seq, kind)
        qkv = [x @ w for w in (w_q, w_k, w_v)]
        want, causes = _multi_head_causes(qkv, w_o, n_heads, mask, d_model)
        with blame(
            "shapes do not fit. Print them: queries, keys and values are (B, H, T, d), scores "
            "(B, H, T, T), and the merged context is (B, T, H * d)."
        ):
            got = answer(x, w_q, w_k, w_v, w_o, n_heads, mask)
        compare(got, want, "the output", causes, rtol=1e-3, atol=1e-4)


@exercise("remove-head")
def remove_head(answer: Callable[[Tensor, int, int], Tensor]) -> None:
    """`answer(w_o, head, n_heads)` is w_o with zeros where one head meets it."""
    for seed, (n_heads, d_head, d_model, head) in enumerate(
        [(3, 2, 6, 1), (4, 3, 7, 3), (2, 4, 3, 0), (3, 3, 12, 2)]
    ):
        w_o = draw(n_heads * d_head, d_model, seed=seed)
        row, column = torch.arange(n_heads * d_head)[:, None], torch.arange(d_model)[None]
        mine = row // d_head == head
        given, want, left = w_o.clone(), w_o.masked_fill(mine, 0), w_o[~mine[:, 0]]
        causes = {
            "nothing was taken away.": w_o,
            "columns were set to 0. They belong to output coordinates; the head's numbers meet "
            "rows.": w_o.masked_fill(column // (d_model // n_heads) == head, 0),
            "columns were set to 0, not rows.": w_o.masked_fill(column // d_head == head, 0),
            "a single row was set to 0. A head has as many rows as it is wide.": w_o.masked_fill(
                row == head, 0
            ),
            "every H-th row was set to 0. The rows of a head are neighbors.": w_o.masked_fill(
                row % n_heads == head, 0
            ),
            "a head has d rows, not n_heads.": w_o.masked_fill(row // n_heads == head, 0),
            "only this head is left; it is the one to remove.": w_o - want,
            "the wrong head is gone: heads are counted from 0.": w_o.masked_fill(
                row // d_head == (head - 1) % n_heads, 0
            ),
            "the rows are gone, so the heads side by side no longer fit. Set them to 0.": left,
            "the other heads were scaled up. They are to stay as they are.": want
            * (n_heads / (n_heads - 1)),
        }
        with blame(f"w_o has shape {tuple(w_o.shape)}: its rows belong to the heads, in order."):
            got = answer(given, head, n_heads)
        compare(got, want, f"w_o without head {head} of {n_heads}", causes)
        if not torch.equal(given, w_o):
            raise Wrong("w_o itself has changed: work on a copy, w_o.clone().")


def _counts(d: int, n_heads: int, n_kv_heads: int, bias: bool) -> tuple[int, dict[str, int]]:
    """The number of parameters, and what each common mistake makes of it."""
    kv, own = d * n_kv_heads // n_heads, d * d + d
    biases, full = (d + 2 * kv) * bias, 2 * d * d * (n_heads + n_kv_heads) + d
    count = d * (d + 2 * kv) + biases + own
    wide = count - biases + 3 * d * bias
    return count, {
        "the keys and values have n_kv_heads heads, fewer than the queries.": 3 * d * (d + bias)
        + own,
        "the output projection is missing.": count - own,
        "the bias of the output projection is missing.": count - d,
        "the biases of queries, keys and values are missing.": count - biases,
        "the keys' and values' biases have as many entries as these have columns.": wide,
        "qkv_bias is False here: no biases but the output's.": count + (d + 2 * kv) * (not bias),
        "the heads were given the full width each. A head is d_model / n_heads wide.": full,
        "one head was counted, not all of them.": 3 * d * d // n_heads + own,
        "keys and values are two matrices, and both are shared.": count - d * kv,
        "the queries keep all their heads. Only keys and values are shared.": 3 * kv * (d + bias)
        + own,
    }


@exercise("count-attention")
def count_attention(answer: Callable[[int, int, int, bool], int]) -> None:
    """`answer(d_model, n_heads, n_kv_heads, qkv_bias)` counts the parameters."""
    cases = [(64, 4, 4, False), (64, 8, 2, False), (64, 8, 2, True), (12, 3, 1, True)]
    for case in [*cases, (30, 5, 5, True)]:
        want, causes = _counts(*case)
        got = answer(*case)
        if got is None:
            raise Wrong("nothing came back. The function probably lacks a `return`.")
        if not isinstance(got, int | float | Tensor) or isinstance(got, bool):
            raise Wrong(f"expected a number, got {type(got).__name__}.")
        if isinstance(got, Tensor) and got.numel() != 1:
            raise Wrong(f"expected one number, got a tensor of shape {tuple(got.shape)}.")
        if got != want:
            cause = next((f": {cause}" for cause, count in causes.items() if got == count), ".")
            given = "d_model {}, n_heads {}, n_kv_heads {}, qkv_bias {}".format(*case)
            raise Wrong(f"{given}: expected {want:,}, got {float(got):,.0f}{cause}")


@exercise("share-heads")
def share_heads(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(q, k)` holds the scaled scores of grouped queries."""
    for seed, (batch, n_heads, n_kv_heads, seq, src, d) in enumerate(
        [(2, 4, 2, 3, 5, 6), (1, 6, 3, 4, 4, 4), (2, 4, 1, 3, 3, 5), (2, 3, 3, 3, 3, 3)]
    ):
        q = draw(batch, n_heads, seq, d, seed=seed) / d**0.5
        k = draw(batch, n_kv_heads, src, d, seed=seed + 10)
        shared = n_heads // n_kv_heads
        want = q @ k.repeat_interleave(shared, dim=1).mT
        causes = {
            "neighboring query heads got different keys, 0 1 0 1. They share: 0 0 1 1.": q
            @ k.repeat(1, shared, 1, 1).mT,
            "the scores are not scaled: divide them by the square root of d.": want * d**0.5,
            "the scores were divided by d, not by its square root.": want / d**0.5,
            "these are weights. Return the scores, before the softmax.": want.softmax(-1),
            "all query heads got the mean of the keys. Each group has its own.": q
            @ k.mean(1, keepdim=True).mT,
            "all query heads got the first key head. Each group has its own.": q @ k[:, :1].mT,
            "the queries of a group were averaged. Each keeps its own scores.": (
                q.unflatten(1, (n_kv_heads, shared)).mean(2) @ k.mT
            ),
        }
        with blame(
            f"{n_heads} query heads do not fit {n_kv_heads} key heads. Repeat each key head along "
            "axis 1 until there are as many, and exchange the last two axes of the keys."
        ):
            got = answer(q * d**0.5, k.clone())
        compare(got, want, f"scores of {n_heads} query and {n_kv_heads} key heads", causes)
