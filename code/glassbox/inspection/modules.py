"""Find parts of a model by name, and let it run undisturbed."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Let a model run without dropout and gradients, and then restore every module's mode.

    Args:
        model: the model.

    Example:
        >>> layer = nn.Dropout(0.5)
        >>> with evaluating(layer):
        ...     layer(torch.ones(2))
        tensor([1., 1.])
        >>> layer.training
        True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def find_module(model: nn.Module, name: str) -> nn.Module:
    """Return the module of a path.

    Args:
        model: the model.
        name: the path, such as `"blocks.0.attention"`.

    Raises:
        ValueError: if there is none; the message names the closest.

    Example:
        >>> find_module(nn.Sequential(nn.ReLU()), "0")
        ReLU()
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    if name not in modules:
        close = get_close_matches(name, modules, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{type(model).__name__} has no module {name!r}.{hint} All names: "
            "[name for name, _ in model.named_modules()]."
        )
    return modules[name]


def blocks_of(model: nn.Module) -> nn.ModuleList:
    """Return the blocks of a model.

    Args:
        model: the model.

    Raises:
        ValueError: if it has none; the message names the parts that have.
    """
    if isinstance(getattr(model, "blocks", None), nn.ModuleList):
        return model.blocks
    parts = [name for name, part in model.named_children() if hasattr(part, "blocks")]
    fix = f" Ask for that of {' or '.join(f'model.{part}' for part in parts)}." if parts else ""
    raise ValueError(f"{type(model).__name__} has no blocks, so no residual stream.{fix}")
