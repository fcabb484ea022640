"""The logits in what a model returned, and how far two of them are apart."""

from math import inf, isnan
from reprlib import repr as short
from typing import Any

from torch import Tensor

TOLERANCE = 1e-4
"""What rounding in single precision can make of equal logits, in their standard deviations."""


def logits_of(output: Any) -> Tensor:
    """Return the logits in what a model returned.

    Args:
        output: logits, or an object, dictionary or tuple that holds them.

    Raises:
        TypeError: if there are none.

    Example:
        >>> import torch
        >>> logits_of({"logits": torch.zeros(1, 2)})
        tensor([[0., 0.]])
    """
    held = output.get("logits") if isinstance(output, dict) else getattr(output, "logits", output)
    held = held[0] if isinstance(held, tuple | list) and held else held
    if not isinstance(held, Tensor) or not held.is_floating_point() or held.ndim < 2:
        raise TypeError(
            f"model returned {short(output)}; expected logits: a floating-point tensor of shape "
            "(batch, tokens, vocab_size), or an object with such an attribute 'logits'."
        )
    return held


def spread(logits: Tensor) -> float:
    """Return the standard deviation of logits, by which differences between logits are judged."""
    found = logits.float().std().item()
    return 1.0 if isnan(found) else max(found, 1e-12)


def difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference between logits, in standard deviations of the second.

    Where one of them is no number, they are infinitely far apart.
    """
    found = (one - other).abs().max().item() / spread(other)
    return inf if isnan(found) else found
