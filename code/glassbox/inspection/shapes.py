"""Every shape on the way from the input to the output of a model."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, overload

import torch
from torch import nn

from glassbox.inspection.modules import evaluating
from glassbox.inspection.outline import Line, outline
from glassbox.inspection.steps import Recorder, Step, run_under_recorder, tensors_in
from glassbox.inspection.tables import Row, Table
from glassbox.tap import Tap


@dataclass(frozen=True, repr=False)
class ShapeTrace(Sequence[Step]):
    """All steps of one forward pass, in their order.

    As a sequence it holds every step. Printed, or shown in a notebook, it is a table in which
    equal heads, equal blocks and further rounds of a loop are told once.

    Attributes:
        model: what the model is called.
        steps: the steps.
        axes: names of sizes, as `named` gives them.

    Example:
        >>> import torch
        >>> from glassbox.feedforward import FeedForward
        >>> trace = trace_shapes(FeedForward(64, 256, nn.ReLU()), torch.zeros(1, 8, 64))
        >>> [(step.where, step.shape) for step in trace]
        [('x', (1, 8, 64)), ('w_in', (1, 8, 256)), ('activation', (1, 8, 256)), \
('w_out', (1, 8, 64))]
    """

    model: str
    steps: tuple[Step, ...]
    axes: dict[str, int] = field(default_factory=dict)

    def named(self, **axes: int) -> "ShapeTrace":
        """Return the same trace with letters for sizes: `trace.named(T=100, D=128)`.

        Sizes are all that a trace knows, so choose an input whose sizes differ from each other.

        Args:
            axes: the size that each name stands for, in entries.

        Raises:
            ValueError: if two names stand for the same size.

        Example:
            >>> import torch
            >>> trace = trace_shapes(nn.Linear(64, 3), torch.zeros(1, 8, 64)).named(T=8, D=64)
            >>> print(trace)
            Linear: 2 steps of a forward pass, with T = 8, D = 64
            <BLANKLINE>
            where   operation  shape      from
            input   input      (1, T, D)
            Linear  linear     (1, T, 3)  (1, T, D)
        """
        for size, same in groupby(sorted(axes, key=axes.__getitem__), key=axes.__getitem__):
            names = list(same)
            if len(names) > 1:
                raise ValueError(
                    f"{' and '.join(names)} both stand for {size}, so a shape does not tell which "
                    "is meant. Trace the model with an input whose sizes differ."
                )
        return replace(self, axes=axes)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        """Return a step by its place."""
        return self.steps[index]

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps."""
        return iter(self.steps)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def __repr__(self) -> str:
        """Return the table for a terminal."""
        return self._table().text()

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return self._table().html()

    def _table(self) -> Table:
        """Lay the steps out, those that come again only once."""
        title = f"{self.model}: {len(self)} steps of a forward pass"
        if self.axes:
            title += ", with " + ", ".join(f"{name} = {size}" for name, size in self.axes.items())
        rows = [Row(line.depth, self._cells(line)) for line in outline(self.steps, self.model)]
        return Table(title, ["where", "operation", "shape", "from"], rows)

    def _cells(self, line: Line) -> list[str]:
        """Return the texts of one row."""
        if line.step is None:
            return [line.label, line.note]
        step = line.step
        shape = self._shapes([step.shape] * step.count)
        return [line.label, step.operation, shape, self._shapes(step.inputs)]

    def _shapes(self, shapes: Sequence[tuple[int, ...]]) -> str:
        """Write shapes one after the other, and equal neighbors once: `8 × (1, 100, 16)`."""
        texts = []
        for shape, equal in groupby(shapes):
            text, count = self._shape(shape), len(list(equal))
            texts.append(text if count == 1 else f"{count} × {text}")
        return ", ".join(texts)

    def _shape(self, shape: tuple[int, ...]) -> str:
        """Write a shape as Python does, with names where sizes have one."""
        names = {size: name for name, size in self.axes.items()}
        sizes = [str(names.get(size, size)) for size in shape]
        return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def trace_shapes(model: nn.Module, *inputs: Any, **options: Any) -> ShapeTrace:
    """Run a model once, and write down the shape after every step.

    A step is an operation of PyTorch that computes floating-point numbers from tensors. The inputs
    come first. Left out are whole numbers and booleans (positions, masks, checks of token ids);
    what is made from no other tensor (`arange`, `zeros`); what passes through unchanged (dropout
    outside of training); and the copy of all heads' weights that is made only for those who watch.
    Attention is computed by the explicit formula, so that its scores and weights are there to see.

    The model runs in evaluation mode and without gradients. Afterwards its mode, its hooks and the
    random numbers to come are as they were. It may lie on the `meta` device, where shapes are all
    there is.

    Args:
        model: any module.
        inputs: what it is called with, such as token ids of shape `(B, T)`. A key-value cache that
            is handed in gets filled.
        options: what it is called with by name.

    Returns:
        The steps.

    Raises:
        TypeError: if the model does not take these arguments.

    Example:
        >>> import torch
        >>> print(trace_shapes(nn.Sequential(nn.Embedding(65, 64), nn.Linear(64, 2)),
        ...                    torch.zeros(1, 8, dtype=torch.long)))
        Sequential: 3 steps of a forward pass
        <BLANKLINE>
        where  operation  shape       from
        input  input      (1, 8)
        0      embedding  (1, 8, 64)  (1, 8)
        1      linear     (1, 8, 2)   (1, 8, 64)
    """
    arguments = inspect.signature(model.forward).bind(*inputs, **options).arguments
    recorder = Recorder(model)
    gpus = {p.device.index for p in model.parameters() if p.device.type == "cuda"}
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        stack.enter_context(torch.random.fork_rng(devices=sorted(gpus)))
        for module in model.modules():
            if isinstance(module, Tap):
                hook = module.register_forward_hook(recorder.forget_copy)
                stack.callback(hook.remove)
        run_under_recorder(recorder, lambda: model(*inputs, **options))
    given = [
        Step(name, "input", tuple(tensor.shape))
        for name, value in arguments.items()
        for tensor in tensors_in(value)
    ]
    return ShapeTrace(type(model).__name__, (*given, *recorder.steps))
