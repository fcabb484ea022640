"""By which numbers a tensor was multiplied on its way, wherever in the code that was done."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

SCALINGS = {"mul": 1, "mul_": 1, "div": -1, "div_": -1}
"""Operations that scale a tensor where their second argument is a number, with its exponent."""
CARRIERS = {
    *("add", "add_", "sub", "sub_", "neg", "cat", "stack", "where", "masked_fill", "masked_fill_"),
    *("view", "_unsafe_view", "reshape", "transpose", "permute", "t", "expand", "clone", "slice"),
    *("select", "split", "split_with_sizes", "chunk", "unbind", "squeeze", "unsqueeze", "alias"),
    *("_to_copy", "to", "contiguous", "repeat", "repeat_interleave", "index", "index_select"),
    *("detach", "tanh", "unflatten", "flatten", "copy_", "roll", "flip", "gather", *SCALINGS),
}
"""Operations that pass on the factor of their input; all others begin anew, with 1."""


def carry(name: str, args: tuple, out: Any) -> None:
    """Note on the results of an operation the factor of its input, times a number.

    Args:
        name: what PyTorch calls the operation, one of `CARRIERS`.
        args: what it was given.
        out: what it returned.
    """
    factor = _factor(name, args)
    for part in _tensors([out]):
        part.glassbox_factor = factor


def factor_of(tensor: Tensor) -> float:
    """Return by what a tensor was multiplied since it came out of a product."""
    return getattr(tensor, "glassbox_factor", 1.0)


def _factor(name: str, args: tuple) -> float:
    """Return the factor of an operation's result: that of its largest input, times a number."""
    tensors = [part for part in _tensors(args) if part.is_floating_point()]
    factor = factor_of(max(tensors, key=Tensor.numel)) if tensors else 1.0
    for number in args[1::-1] if name in SCALINGS else ():
        if isinstance(number, Tensor) and number.ndim == 0:
            number = number.item()
        if isinstance(number, int | float) and number:
            return factor * float(number) ** SCALINGS[name]
    return factor


def _tensors(args: Iterable[Any]) -> list[Tensor]:
    """Return the tensors among arguments, and those inside lists."""
    flat = [x for part in args for x in (part if isinstance(part, tuple | list) else [part])]
    return [part for part in flat if isinstance(part, Tensor)]
