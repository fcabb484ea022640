"""Who may attend to whom. One convention: a mask is boolean, and `True` means *may attend*.

A mask has an axis of queries and an axis of keys, `(T, S)`, or all four axes of the scores,
`(batch, heads, T, S)`, where an axis of 1 stands for every sequence or every head. Masks combine
with `&`.
"""

from glassbox.masks.conventions import from_additive, from_blocked, from_numbers, to_additive
from glassbox.masks.patterns import (
    causal,
    document_positions,
    documents,
    padding,
    prefix,
    sliding_window,
)

__all__ = [
    "causal",
    "sliding_window",
    "prefix",
    "padding",
    "documents",
    "document_positions",
    "from_blocked",
    "from_numbers",
    "from_additive",
    "to_additive",
]
