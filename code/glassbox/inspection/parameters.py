"""How many parameters a model has, part by part, with the arithmetic."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from glassbox.inspection.parts import Part, collect, name_groups, sum_of
from glassbox.inspection.tables import Row, Table


@dataclass(frozen=True, repr=False)
class ParameterCount:
    """The parameters of a model, counted by part. Printed, it is a table with the arithmetic.

    Attributes:
        model: what the model is called.
        total: number of parameters, each tensor once.
        trainable: number of those that receive a gradient.
        parts: the model's parts, each with its own parts.
        tied: groups of names that stand for the same tensor.
        buffers: shape of each tensor that is stored but not learned; not in the total.

    Example:
        >>> count = count_parameters(nn.Sequential(nn.Embedding(65, 64), nn.Linear(64, 65)))
        >>> [(part.name, part.parameters, part.arithmetic) for part in count.parts]
        [('0', 4160, '65 × 64'), ('1', 4225, '64 × 65 + 65')]
    """

    model: str
    total: int
    trainable: int
    parts: tuple[Part, ...]
    tied: tuple[tuple[str, ...], ...]
    buffers: dict[str, tuple[int, ...]]

    @property
    def rows(self) -> list[Part]:
        """All parts from top to bottom, each followed by its own parts."""
        return [part for _, part in self._walk(self.parts, 0)]

    def __repr__(self) -> str:
        """Return the table for a terminal."""
        return self._table().text()

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return self._table().html()

    def _walk(self, parts: tuple[Part, ...], depth: int) -> Iterator[tuple[int, Part]]:
        """Yield each part with its depth, from top to bottom."""
        for part in parts:
            yield depth, part
            yield from self._walk(part.parts, depth + 1)

    def _table(self) -> Table:
        """Lay the parts out, the total last."""
        rows = [
            Row(depth, [part.name, f"{part.parameters:,}", _right_side(part)])
            for depth, part in self._walk(self.parts, 0)
        ]
        if len(self.parts) > 1:
            rows.append(Row(0, ["total", f"{self.total:,}", f"= {sum_of(self.parts)}"]))
        title = f"{self.model}: {self.total:,} parameters"
        header = ["part", "parameters", "arithmetic"]
        return Table(title, header, rows, numbers={1}, notes=self._notes())

    def _notes(self) -> list[str]:
        """Return what the rows do not tell."""
        notes = []
        for names in self.tied:
            others = names[1] if len(names) == 2 else f"{len(names) - 1} others"
            notes.append(f"Tied, counted once: {names[0]} and {others}.")
        if self.trainable < self.total:
            notes.append(f"Frozen: {self.total - self.trainable:,} parameters have no gradient.")
        for name, shape in self.buffers.items():
            size = " × ".join(f"{axis:,}" for axis in shape) or "1"
            notes.append(f"Buffer, not counted: {name}, {size}.")
        return notes


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count the parameters of a model, part by part.

    Equal neighbors are counted by multiplication: `4 × 49,792` for four blocks, followed by the
    parts of one. A linear layer has in × out weights, and out biases. A tensor that two layers
    share is counted where it comes first. Modules in a plain Python list are unknown to PyTorch,
    so they are not counted, nor trained.

    Nothing is computed, so the model may lie on the `meta` device, where it needs no memory.

    Args:
        model: any module.

    Returns:
        The parts, the total, and what is tied, frozen or not counted.

    Raises:
        TypeError: if `model` is no module.

    Example:
        >>> from glassbox.feedforward import FeedForward
        >>> print(count_parameters(FeedForward(64, 256, nn.ReLU())))
        FeedForward: 33,088 parameters
        <BLANKLINE>
        part   parameters  arithmetic
        w_in       16,640  = 64 × 256 + 256
        w_out      16,448  = 256 × 64 + 64
        total      33,088  = 16,640 + 16,448
        >>> import torch
        >>> from glassbox.gpt import GPT, preset
        >>> with torch.device("meta"):
        ...     model = GPT(preset("gpt2-xl"))
        >>> count_parameters(model).total
        1557611200
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; expected a torch.nn.Module.")
    tensors = list(model.parameters())  # each once
    return ParameterCount(
        model=type(model).__name__,
        total=sum(tensor.numel() for tensor in tensors),
        trainable=sum(tensor.numel() for tensor in tensors if tensor.requires_grad),
        parts=collect(model),
        tied=tuple(tuple(names) for names in name_groups(model) if len(names) > 1),
        buffers={name: tuple(buffer.shape) for name, buffer in model.named_buffers()},
    )


def count_modules(model: nn.Module) -> dict[str, int]:
    """Count the modules of a model by their class, the model itself included.

    How many layers a model has depends on what is called a layer; this tells them apart.

    Args:
        model: any module.

    Returns:
        The number of modules of each class, in the order in which they first appear.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> count = count_modules(GPT(preset("character")))
        >>> {kind: count[kind] for kind in ("Linear", "LayerNorm", "Embedding", "Block")}
        {'Linear': 61, 'LayerNorm': 9, 'Embedding': 2, 'Block': 4}
    """
    return dict(Counter(type(module).__name__ for module in model.modules()))


def _right_side(part: Part) -> str:
    """Return the arithmetic of a row, and a word on what is tied or frozen."""
    remarks = ["tied"] if part.tied else []
    if part.frozen:
        remarks.append("frozen" if part.frozen == part.parameters else f"{part.frozen:,} frozen")
    remark = f"({', '.join(remarks)})" if remarks else ""
    equation = f"= {part.arithmetic}" if part.arithmetic else ""
    return f"{equation}  {remark}".strip()
