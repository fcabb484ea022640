"""Models without numbers: their parts and shapes, at no cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class _Undrawn(TorchFunctionMode):
    """Leave out what `torch.nn.init` would draw."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, unless it draws parameters."""
        given = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return given.get("tensor", args[0] if args else None)
        return function(*args, **given)


@contextmanager
def blank() -> Iterator[None]:
    """Build modules inside this block on the meta device: with shapes, without any numbers.

    They take no memory, and no random number is drawn. `torch.device("meta")` alone would run the
    initialization as well, for which PyTorch imports its compiler, in seconds.

    Example:
        >>> with blank():
        ...     layer = torch.nn.Linear(10**6, 10**6)
        >>> layer.weight.shape, layer.weight.device
        (torch.Size([1000000, 1000000]), device(type='meta'))
    """
    with _Undrawn(), torch.device("meta"):
        yield
