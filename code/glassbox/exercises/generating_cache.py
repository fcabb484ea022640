"""Checks of the exercises on the key-value cache in the chapter on generating."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise, unlike


def _mix(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """Return the contexts of queries that may use every key."""
    return (scale * q @ k.transpose(-2, -1)).softmax(dim=-1) @ v


@exercise("cache-step")
def cache_step(answer: Callable[..., tuple[Tensor, Tensor, Tensor]]) -> None:
    """`answer(q, k, v, keys, values)` is one token's context, and the longer cache."""
    for seed, (batch, heads, stored, d_head) in enumerate(
        [(2, 3, 5, 4), (4, 4, 4, 4), (1, 2, 1, 8), (2, 1, 0, 3)]
    ):
        q, k, v = (draw(batch, heads, 1, d_head, seed=10 * seed + i) for i in range(3))
        keys, values = (draw(batch, heads, stored, d_head, seed=10 * seed + i) for i in (3, 4))
        all_keys, all_values = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
        scale = d_head**-0.5
        front = torch.cat([k, keys], dim=2), torch.cat([v, values], dim=2)
        causes = {
            "the scores are not divided by the root of d.": _mix(q, all_keys, all_values, 1.0),
            "the scores are divided by the root of the number of tokens. Take d.": _mix(
                q, all_keys, all_values, (stored + 1) ** -0.5
            ),
            "the new token does not see itself. Append its key and value first.": _mix(
                q, keys, values, scale
            ),
            "the query saw one key only. It may use all of them: is_causal=True takes one query "
            "for the first of the sequence.": all_values[:, :, :1],
            "the query saw nothing but itself. It may use all stored keys.": v,
            "the new key and the stored ones are in different order from the values.": _mix(
                q, front[0], all_values, scale
            ),
        }
        what = f"{stored} stored tokens, {heads} heads of {d_head}"
        with blame(f"{what}: tokens are axis 2 of (B, H, T, d): torch.cat([keys, k], dim=2)."):
            got = answer(*(part.clone() for part in (q, k, v, keys, values)))
        if not isinstance(got, tuple | list) or len(got) != 3:
            raise Wrong(f"{what}: expected three tensors: return context, keys, values.")
        want = _mix(q, all_keys, all_values, scale)
        compare(got[0], want, f"the context, {what}", unlike(want, causes))
        for name, part, old, stacked, ahead, other in (
            ("keys", got[1], keys, all_keys, front[0], all_values),
            ("values", got[2], values, all_values, front[1], all_keys),
        ):
            kept = {
                "the new token is missing. Return what the next step needs.": old,
                "the new token stands first. Append it.": ahead,
                "keys and values are exchanged. Return context, keys, values.": other,
            }
            compare(part, stacked, f"the {name}, {what}", unlike(stacked, kept))


@exercise("cache-bytes")
def cache_bytes(answer: Callable[..., Any]) -> None:
    """`answer(...)` is the memory of the keys and values of all blocks."""
    for layers, heads, kv_heads, d_model, seq, batch, size in [
        (5, 12, 3, 192, 11, 7, 4),
        (80, 64, 8, 8192, 1, 1, 2),
        (4, 4, 4, 64, 8, 3, 4),
        (12, 12, 1, 768, 1024, 5, 2),
        (2, 8, 2, 128, 7, 1, 1),
    ]:
        d_head = d_model // heads
        want = 2 * layers * kv_heads * d_head * seq * batch * size
        causes = {
            "keys or values are missing: a cache holds both.": want // 2,
            "the query heads were counted. Only key and value heads are stored, each d_model / "
            "n_heads wide.": want * heads // kv_heads,
            "the heads are missing: each key and value head has its own.": want // kv_heads,
            "queries were stored as well. No later step needs them.": want // 2 * 3,
            "the cache of one block was counted. Each block has its own.": want // layers,
            "each head was taken to be as wide as the model. It is d_model / n_heads wide.": want
            * heads,
            "these are numbers. Multiply by the bytes of each.": want // size,
            "the batch is missing: each text has its own keys and values.": want // batch,
            "these are the scores of T × T. Stored are the keys and values of T tokens.": want
            * seq,
            "the tokens are missing.": want // seq,
        }
        got = answer(layers, heads, kv_heads, d_model, seq, batch, size)
        if got is None:
            raise Wrong("nothing came back. The function probably lacks a `return`.")
        if got != want:
            of = f"{layers} blocks, {heads} heads on {kv_heads}, width {d_model}, {seq} tokens"
            known = next((cause for cause, wrong in causes.items() if got == wrong != want), "")
            raise Wrong(f"{of}: expected {want:,} bytes, got {got:,}. {known}".rstrip())
