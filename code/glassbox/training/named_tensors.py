"""The tensors of a model and of its optimizers by name, whatever their order and their wrapping."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from glassbox.distributed import parted_like


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside `torch.compile` or `DistributedDataParallel`."""
    while isinstance(model, DistributedDataParallel) or hasattr(model, "_orig_mod"):
        model = model.module if isinstance(model, DistributedDataParallel) else model._orig_mod
    return model


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a model; one that has several names, under the first."""
    found: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in unwrapped(model).state_dict(keep_vars=True).items():
        found.setdefault(id(tensor), (name, tensor))
    return dict(found.values())


def optimizer_tensors(model: nn.Module, optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """Return what optimizers remember, as `parameter.quantity`: `head.weight.exp_avg`."""
    names = {id(p): name for name, p in unwrapped(model).named_parameters()}
    return {
        f"{names[id(p)]}.{key}": tensor
        for optimizer in optimizers
        for p, state in optimizer.state.items()
        for key, tensor in state.items()
    }


def differences(stored: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """Return how stored tensors differ from a model's in name, shape or type; None if they fit."""
    missing = [name for name in own if name not in stored]
    strange = [name for name in stored if name not in own]
    if missing or strange:
        said = {"the checkpoint lacks": missing, "the model lacks": strange}
        return ", and ".join(
            f"{text} {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "")
            for text, names in said.items()
            if names
        )
    for name, tensor in own.items():
        there, here = ((tuple(t.shape), t.dtype) for t in (stored[name], tensor))
        if there != here:
            return f"{name} is {there[0]} of {there[1]} there, but {here[0]} of {here[1]} here"
    return None


@torch.no_grad()
def fill_model(model: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """Write stored tensors into a model that they fit."""
    for name, tensor in model_tensors(model).items():
        tensor.copy_(parted_like(stored[name], tensor))


def fill_optimizers(
    model: nn.Module, optimizers: Sequence[Optimizer], stored: Mapping[str, Tensor]
) -> None:
    """Write stored tensors into optimizers: each parameter's to the optimizer that updates it."""
    owned = _owned(model, optimizers)
    for optimizer in optimizers:
        optimizer.state.clear()
    for full_name, tensor in stored.items():
        name, _, key = full_name.rpartition(".")
        parameter, optimizer = owned[name]
        whole = tensor.shape == parameter.shape
        own = parted_like(tensor, parameter) if whole else tensor.to(parameter.device)
        optimizer.state[parameter][key] = own.clone()


def frozen_since(
    model: nn.Module, optimizers: Sequence[Optimizer], stored: Iterable[str]
) -> str | None:
    """Return a parameter that an optimizer remembers, but none updates now; None if there is none.

    Args:
        model: whose parameters they are.
        optimizers: the ones that update now.
        stored: names of what was remembered.
    """
    owned = _owned(model, optimizers)
    names = (full_name.rpartition(".")[0] for full_name in stored)
    return next((name for name in names if name not in owned), None)


def _owned(
    model: nn.Module, optimizers: Sequence[Optimizer]
) -> dict[str, tuple[nn.Parameter, Optimizer]]:
    """Return by its name each parameter that is updated, and which optimizer does it."""
    names = {id(p): name for name, p in unwrapped(model).named_parameters()}
    return {
        names[id(p)]: (p, optimizer)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for p in group["params"]
    }
