"""One step of a forward pass, and who took it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

HANDED_ON = {"data", "detach", "grad", "requires_grad_"}
"""Operations that return their input's own numbers."""
PLAIN_NAMES = {"getitem": "index", "rpow": "pow", "rsub": "sub", "rtruediv": "div"}
"""Better names for what Python's operators are called."""


@dataclass(frozen=True)
class Step:
    """One operation on tensors.

    Attributes:
        where: path of the module that computed it, such as `"blocks.0.attention"`; empty for the
            model itself, and the argument's name for an input.
        operation: name of PyTorch's function, such as `"matmul"`; `"input"` for an input.
        shape: of the result.
        inputs: the shapes of all tensors that went in, except for parameters.
        count: number of results, all of this shape; 1 but for functions such as `chunk`.

    Example:
        >>> Step("blocks.0", "add", (1, 8, 64)).shape
        (1, 8, 64)
    """

    where: str
    operation: str
    shape: tuple[int, ...]
    inputs: tuple[tuple[int, ...], ...] = ()
    count: int = 1


class Recorder(TorchFunctionMode):
    """Write down every operation of PyTorch that a model carries out, while this is entered.

    Args:
        model: the model whose modules are to be named.
    """

    def __init__(self, model: nn.Module) -> None:
        """Note the paths of all modules; a shared one has several."""
        super().__init__()
        self.steps: list[Step] = []
        self._latest: Tensor | None = None
        self._paths: dict[int, list[str]] = {}
        for path, module in model.named_modules(remove_duplicate=False):
            self._paths.setdefault(id(module), []).append(path)

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Carry out the operation, and write it down if it is a step."""
        result = function(*args, **(kwargs or {}))
        given = list(tensors_in([args, kwargs]))
        results = [tensor for tensor in tensors_in(result) if tensor.is_floating_point()]
        name = _name(function)
        if results and _computes(name, given, results[0]):
            where = self._where()
            inputs = tuple(tuple(t.shape) for t in given if not isinstance(t, nn.Parameter))
            for shape, equal in groupby(tuple(tensor.shape) for tensor in results):
                plain = name.strip("_")
                operation = PLAIN_NAMES.get(plain, plain)
                self.steps.append(Step(where, operation, shape, inputs, len(list(equal))))
            self._latest = results[0]
        return result

    def forget_copy(self, tap: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        """Strike out a stack that was only made to show it to this hook on a tap."""
        if inputs[0] is self._latest and self.steps[-1].operation == "stack":
            self.steps.pop()

    def _where(self) -> str:
        """Return the path of the module whose method is running.

        Found on Python's call stack: a hook would miss all methods but `forward`.
        """
        owners, frame = [], sys._getframe(2)
        while frame is not None and frame.f_code.co_name != TRACER:
            owners.append(self._paths.get(id(frame.f_locals.get("self")), []))
            frame = frame.f_back
        where = ""
        for paths in reversed(owners):  # from the model inward, to tell a shared module's paths
            within = [path for path in paths if f"{path}.".startswith(f"{where}." if where else "")]
            where = (within or paths or [where])[0]
        return where


TRACER = "run_under_recorder"
"""Name of the function in which the search for a module ends."""


def run_under_recorder(recorder: Recorder, run: Callable[[], Any]) -> None:
    """Call a function while operations are being written down."""
    with recorder:
        run()


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and dictionaries.

    Args:
        value: anything.

    Example:
        >>> import torch
        >>> [t.item() for t in tensors_in({"a": (torch.tensor(1), [torch.tensor(2)]), "b": 3})]
        [1, 2]
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(part)


def _name(function: Callable) -> str:
    """Return what a function is called; for an attribute such as `x.T`, the attribute's name."""
    return function.__self__.__name__ if function.__name__ == "__get__" else function.__name__


def _computes(name: str, given: list[Tensor], result: Tensor) -> bool:
    """Tell whether an operation makes new numbers from old ones."""
    from_nothing = not given or name.startswith("new_") or name.endswith("_like")
    in_place = name.endswith("_")
    unchanged = any(result is tensor for tensor in given) and not in_place
    return not (from_nothing or unchanged or name in HANDED_ON)
