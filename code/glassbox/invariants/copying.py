"""A copy of a model to experiment on, and what can be read off its class."""

import copy
from inspect import signature

import torch
from torch import nn


def copied(model: nn.Module) -> nn.Module:
    """Return a copy, in single precision if it was in half."""
    try:
        twin = copy.deepcopy(model)
    except (RuntimeError, TypeError) as reason:
        raise ValueError(
            f"model of type {type(model).__name__} cannot be copied: {reason} The probes work on a "
            "copy, so that nothing happens to yours. Build a new model and check that."
        ) from reason
    half = any(p.dtype in (torch.float16, torch.bfloat16) for p in twin.parameters())
    return twin.float() if half else twin


def wake(model: nn.Module, seed: int) -> list[nn.Parameter]:
    """Give random numbers to parameters that are all 0, for these hide what they do; return them.

    Output layers, position biases and the last layer of a branch are often started at 0.
    """
    generator = torch.Generator().manual_seed(seed)
    asleep = [p for p in model.parameters() if p.is_floating_point() and not p.any()]
    for parameter in asleep:
        size = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.02
        numbers = size * torch.randn(parameter.shape, generator=generator)
        parameter.data = numbers.to(parameter)
    return asleep


def parameters(kind: type) -> set[str]:
    """Return what `forward` takes; with `**options`, also what its base class takes."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "forward" in vars(base):
            found = signature(vars(base)["forward"]).parameters
            names |= set(found)
            if not any(p.kind is p.VAR_KEYWORD for p in found.values()):
                break
    return names
