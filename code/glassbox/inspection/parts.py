"""The parts of a model and the arithmetic of their sizes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from torch import nn


@dataclass(frozen=True)
class Part:
    """One row of a parameter count.

    Attributes:
        name: path within the part that it belongs to; several names where several are alike.
        kind: class of the module.
        parameters: their number.
        arithmetic: how it comes about, such as `"64 × 256 + 256"`.
        parts: what it consists of; of several equal modules, what one of them consists of.
        repeats: how many equal modules it stands for.
        tied: whether a tensor of it is counted elsewhere.
        frozen: how many of the parameters receive no gradient.

    Example:
        >>> Part("head", "Linear", 4225, "64 × 65 + 65").parameters
        4225
    """

    name: str
    kind: str
    parameters: int
    arithmetic: str
    parts: tuple["Part", ...] = ()
    repeats: int = 1
    tied: bool = False
    frozen: int = 0


def collect(model: nn.Module) -> tuple[Part, ...]:
    """Return the parts of a model that have parameters.

    Args:
        model: any module.
    """
    counted = {names[0] for names in name_groups(model)}
    name = type(model).__name__
    return _inside(model, "", "", counted) or (_part(model, "", name, counted),)


def name_groups(model: nn.Module) -> list[list[str]]:
    """Return the names of each parameter; more than one where it is tied.

    Args:
        model: any module.
    """
    groups: dict[int, list[str]] = {}
    for name, tensor in model.named_parameters(remove_duplicate=False):
        groups.setdefault(id(tensor), []).append(name)
    return list(groups.values())


def sum_of(parts: Iterable[Part]) -> str:
    """Write the sum of parts; equal modules as a product: `512 + 4 × 49,792`.

    Args:
        parts: the summands.
    """
    return " + ".join(
        f"{part.repeats} × {part.parameters // part.repeats:,}"
        if part.repeats > 1
        else f"{part.parameters:,}"
        for part in parts
        if part.parameters
    )


def _part(module: nn.Module, path: str, name: str, counted: set[str]) -> Part:
    """Return a module as a part."""
    parts = _inside(module, path, name, counted)
    if not parts:
        own = {f"{path}{key}": t for key, t in module.named_parameters(recurse=False)}
        return _leaf(module, name, own, counted)
    if len(parts) == 1 and parts[0].repeats == 1:  # a chain needs no row for each link
        inner = parts[0].name
        return replace(parts[0], name=inner if inner.startswith(f"{name}.") else f"{name}.{inner}")
    total, frozen = sum(part.parameters for part in parts), sum(part.frozen for part in parts)
    return Part(name, type(module).__name__, total, sum_of(parts), parts, frozen=frozen)


def _inside(module: nn.Module, path: str, name: str, counted: set[str]) -> tuple[Part, ...]:
    """Return the parts of a module that has submodules with parameters; else none."""
    inner = list(_submodules(module, path, name, counted))
    if not inner:
        return ()
    own = module.named_parameters(recurse=False)
    tensors = [_leaf(module, key, {f"{path}{key}": tensor}, counted) for key, tensor in own]
    return _merge([*tensors, *inner])


def _submodules(module: nn.Module, path: str, name: str, counted: set[str]) -> Iterator[Part]:
    """Yield the submodules that have parameters; those of a list stand in its place."""
    for key, child in module.named_children():
        if next(child.parameters(), None) is None:
            continue
        label = f"{name}.{key}" if name and key.isdigit() else key
        if isinstance(child, nn.ModuleList):
            yield from _submodules(child, f"{path}{key}.", label, counted)
        else:
            yield _part(child, f"{path}{key}.", label, counted)


def _leaf(
    module: nn.Module, name: str, tensors: dict[str, nn.Parameter], counted: set[str]
) -> Part:
    """Return tensors as a part without parts."""
    here = [tensor for key, tensor in tensors.items() if key in counted]
    products = []
    for tensor in here:
        # A linear layer stores its matrix turned: out × in.
        turned = isinstance(module, nn.Linear) and tensor.ndim == 2
        sizes = reversed(tensor.shape) if turned else tensor.shape
        products.append(" × ".join(f"{size:,}" for size in sizes) or "1")
    return Part(
        name,
        type(module).__name__,
        sum(tensor.numel() for tensor in here),
        " + ".join(products),
        tied=len(here) < len(tensors),
        frozen=sum(tensor.numel() for tensor in here if not tensor.requires_grad),
    )


def _merge(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Put equal neighbors together: members of a list, and layers of the same size."""
    merged = []
    for _, group in groupby(parts, key=_likeness):
        equal = list(group)
        merged += [_times(equal)] if len(equal) > 1 else equal
    return tuple(merged)


def _likeness(part: Part) -> tuple:
    """Return what two parts have in common if they are counted by multiplication."""
    place, _, index = part.name.rpartition(".")
    listed = place if index.isdigit() else None
    # Two feed-forward networks with names of their own are two things; two matrices are not.
    alone = part.name if part.parts and listed is None else None
    return listed, alone, replace(part, name="")


def _times(equal: Sequence[Part]) -> Part:
    """Return equal parts as one, which tells what each of them consists of."""
    first, n = equal[0], len(equal)
    listed = first.name.rpartition(".")[2].isdigit()
    name = f"{first.name} … {equal[-1].name}" if listed else ", ".join(p.name for p in equal)
    inner = first.parts
    formula = inner[0].arithmetic if len(inner) == 1 else first.arithmetic
    if len(inner) > 1:
        inner = (replace(first, name=f"one {first.kind}"),)
    if "(" in formula or (inner and "+" in formula):
        formula = f"{first.parameters:,}"
    arithmetic = f"{n} × ({formula})" if "+" in formula else f"{n} × {formula}"
    total = n * first.parameters
    return replace(
        first,
        name=name,
        parameters=total,
        arithmetic=arithmetic if total else "",
        parts=inner,
        repeats=n,
        frozen=n * first.frozen,
    )
