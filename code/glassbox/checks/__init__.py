"""Checks of arguments, shared by every part: say what was given, what was expected, and the fix."""

from glassbox.checks.settings import (
    above_zero,
    config,
    divides,
    flags,
    module,
    one_of,
    positive,
    share,
    token_id,
)
from glassbox.checks.tensors import ids, like, place, tensor, tokens, width

__all__ = [
    "above_zero",
    "config",
    "divides",
    "flags",
    "ids",
    "like",
    "module",
    "one_of",
    "place",
    "positive",
    "share",
    "tensor",
    "token_id",
    "tokens",
    "width",
]
