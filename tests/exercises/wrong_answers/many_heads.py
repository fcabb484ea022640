"""Plausible wrong answers to the exercises on many heads."""

import torch
from torch import Tensor


def split(x: Tensor, n_heads: int) -> Tensor:
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def torn(x: Tensor, n_heads: int) -> Tensor:
    batch, seq, width = x.shape
    return x.reshape(batch, n_heads, seq, width // n_heads)


def layer(
    x,
    w_q,
    w_k,
    w_v,
    w_o,
    n_heads,
    mask,
    *,
    cut=split,
    width=None,
    dim=-1,
    order="before",
    hidden=-torch.inf,
) -> Tensor:
    """Multi-head attention, with one thing to be spoiled at a time; merged, not yet mixed."""
    q, k, v = (cut(x @ w, n_heads) for w in (w_q, w_k, w_v))
    scores = q @ k.mT / (k.shape[-1] if width is None else width) ** 0.5
    if order == "before":
        scores = scores.masked_fill(~mask, hidden)
    weights = scores.softmax(dim)
    if order == "after":
        weights = weights * mask
    return weights @ v


def mixed(*args, merge=True, **options) -> Tensor:
    context = layer(*args, **options)
    if merge:
        context = context.transpose(1, 2)
    return context.reshape(*args[0].shape[:2], -1) @ args[4]


def with_mask(change):
    return lambda *args: mixed(*args[:-1], change(args[-1]))


def rows_of(w_o: Tensor, head: int, n_heads: int) -> slice:
    d_head = w_o.shape[0] // n_heads
    return slice(head * d_head, (head + 1) * d_head)


def zeroed(w_o: Tensor, *place) -> Tensor:
    changed = w_o.clone()
    changed[place] = 0
    return changed


def in_place(w_o: Tensor, head: int, n_heads: int) -> Tensor:
    w_o[rows_of(w_o, head, n_heads)] = 0
    return w_o.clone()


def rows_deleted(w_o: Tensor, head: int, n_heads: int) -> Tensor:
    rows = rows_of(w_o, head, n_heads)
    return torch.cat([w_o[: rows.start], w_o[rows.stop :]])


def scaled_up(w_o: Tensor, head: int, n_heads: int) -> Tensor:
    return zeroed(w_o, rows_of(w_o, head, n_heads)) * n_heads / (n_heads - 1)


def total(d: int, queries: int, shared: int, biases: int) -> int:
    return d * (queries + 2 * shared) + biases + d * d + d


def repeated(q: Tensor, keys: Tensor, divisor: float = 1.0) -> Tensor:
    return q @ keys.mT / divisor


def interleaved(q: Tensor, k: Tensor) -> Tensor:
    return k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)


WRONG_ANSWERS = {
    "split-heads": [
        (torn, "pieces of tokens"),
        (lambda x, n: x.unflatten(-1, (n, -1)), "heads still stand behind the tokens"),
        (lambda x, n: x.unflatten(-1, (-1, n)).permute(0, 3, 1, 2), "every H-th number"),
        (lambda x, n: x.unflatten(-1, (n, -1)).permute(0, 2, 3, 1), "have changed places"),
        (lambda x, n: x.view(x.shape[0], n, x.shape[1], -1), "`view` cannot join or exchange"),
        (lambda x, n: x.transpose(1, 2).view(x.shape[0], n, x.shape[1], -1), "`view` cannot join"),
        (lambda x, n: x.chunk(n, dim=-1), "expected a torch.Tensor, got tuple"),
        (lambda x, n: torch.stack(x.chunk(n, dim=-1)), "expected shape (2, 4, 3, 5)"),
    ],
    "merge-heads": [
        (lambda c: c.reshape(c.shape[0], c.shape[2], -1), "without bringing the heads"),
        (lambda c: c.transpose(1, 2).view(c.shape[0], c.shape[2], -1), "Call .contiguous() first"),
        (lambda c: c.permute(0, 2, 3, 1).flatten(2), "are interleaved"),
        (lambda c: c.sum(1), "the sum over heads"),
        (lambda c: c.mean(1), "the mean over heads"),
        (lambda c: c.transpose(1, 2), "join the last two axes"),
        (lambda c: c.flatten(1, 2), "expected shape (2, 4, 15)"),
    ],
    "multi-head": [
        (lambda *args: mixed(*args, width=1), "are not scaled"),
        (lambda *args: mixed(*args, width=(args[1].shape[1] // args[5]) ** 2), "not by its square"),
        (lambda *args: mixed(*args, width=args[1].shape[1]), "that of all heads together"),
        (lambda *args: mixed(*args, width=args[0].shape[-1]), "that of the model's width"),
        (with_mask(torch.ones_like), "the mask is not applied"),
        (with_mask(torch.logical_not), "True means allowed"),
        (lambda *args: mixed(*args, order="after"), "rows no longer sum to 1"),
        (lambda *args: mixed(*args, hidden=0), "a hidden score of 0"),
        (lambda *args: mixed(*args, dim=-2), "runs over the queries"),
        (lambda *args: mixed(*args, cut=torn), "a head holds pieces of tokens"),
        (lambda *args: mixed(*args, merge=False), "merged without bringing"),
        (lambda *args: layer(*args).transpose(1, 2).flatten(2), "multiply by w_o"),
        (lambda *args: mixed(*args[:5], 1, args[6]), "a single head of the full width"),
        (lambda *args: mixed(*args, cut=lambda x, n: x.unflatten(-1, (n, -1))), "Print them"),
        (lambda *args: 2 * mixed(*args), "the values are not"),
    ],
    "remove-head": [
        (in_place, "w_o itself has changed"),
        (lambda w, h, n: w.clone(), "nothing was taken away"),
        (lambda w, h, n: zeroed(w, h), "a single row"),
        (lambda w, h, n: zeroed(w, slice(h, None, n)), "every H-th row"),
        (lambda w, h, n: zeroed(w, slice(h * n, (h + 1) * n)), "d rows, not n_heads"),
        (lambda w, h, n: w - zeroed(w, rows_of(w, h, n)), "only this head is left"),
        (lambda w, h, n: zeroed(w, rows_of(w, h - 1, n)), "counted from 0"),
        (rows_deleted, "no longer fit"),
        (scaled_up, "scaled up"),
        (lambda w, h, n: zeroed(w.T, rows_of(w.T, h, n)).T, "belong to output coordinates"),
        (lambda w, h, n: zeroed(w, slice(None), rows_of(w, h, n)), "columns were set to 0"),
        (lambda w, h, n: w @ torch.zeros(n), "its rows belong to the heads"),
    ],
    "count-attention": [
        (lambda d, h, kv, b: total(d, d, d, 3 * d * b), "fewer than the queries"),
        (lambda d, h, kv, b: total(d, d, d * kv // h, 0), "queries, keys and values are missing"),
        (lambda d, h, kv, b: total(d, d, d * kv // h, 3 * d * b), "as these have columns"),
        (lambda d, h, kv, b: total(d, d, d * kv // h, d + 2 * d * kv // h), "is False here"),
        (lambda d, h, kv, b: total(d, d * kv // h, d * kv // h, 0), "queries keep all"),
        (lambda d, h, kv, b: d * (d + 2 * d * kv // h), "the output projection is missing"),
        (lambda d, h, kv, b: total(d, d, d * kv // h, 0) - d, "bias of the output projection"),
        (lambda d, h, kv, b: d * d * (2 * h + 2 * kv) + d, "the full width each"),
        (lambda d, h, kv, b: total(d, d // h, d // h, 0), "one head was counted"),
        (lambda d, h, kv, b: d * (d + d * kv // h) + d * d + d, "two matrices"),
        (lambda d, h, kv, b: 7, "got 7"),
        (lambda d, h, kv, b: "16448", "expected a number, got str"),
        (lambda d, h, kv, b: torch.zeros(d), "expected one number"),
    ],
    "share-heads": [
        (lambda q, k: repeated(q, k.repeat(1, q.shape[1] // k.shape[1], 1, 1),
                               k.shape[-1] ** 0.5), "0 1 0 1"),
        (lambda q, k: repeated(q, interleaved(q, k)), "are not scaled"),
        (lambda q, k: repeated(q, interleaved(q, k), k.shape[-1]), "not by its square root"),
        (lambda q, k: repeated(q, interleaved(q, k), k.shape[-1] ** 0.5).softmax(-1), "weights"),
        (lambda q, k: repeated(q, k.mean(1, keepdim=True), k.shape[-1] ** 0.5), "the mean of"),
        (lambda q, k: repeated(q, k[:, :1], k.shape[-1] ** 0.5), "the first key head"),
        (lambda q, k: repeated(q.unflatten(1, (k.shape[1], -1)).mean(2), k, k.shape[-1] ** 0.5),
         "were averaged"),
        (lambda q, k: repeated(q, k, k.shape[-1] ** 0.5), "Repeat each key head"),
    ],
}  # fmt: skip
