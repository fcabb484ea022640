"""How the parts of a block are wired, found by running it: who receives what."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import isclose
from typing import NamedTuple

import torch
from torch import Tensor, nn

BATCH, TOKENS = 16, 2
"""The probe: few tokens, so that any context length will do, and enough numbers to tell apart."""


class Step(NamedTuple):
    """A part of a block at the moment it runs.

    `takes` tells what its input is the sum of: the factor of `x` and of each earlier part. `reads`
    names what else it is handed, which is the memory if anything.
    """

    name: str
    module: nn.Module
    takes: dict[str, float]
    reads: tuple[str, ...] = ()


def trace(block: nn.Module) -> tuple[list[Step], dict[str, float]]:
    """Run a block once, and return its steps in order and what its output is the sum of.

    Each part answers with noise of its own instead of its result. So whatever arrives somewhere
    can be split into the noises it is made of, even where a part's true result is zero. The block
    is left as it was.

    Raises:
        ValueError: if an input is no weighted sum of what came before it.
    """
    weight = next((p for p in block.parameters() if p.ndim == 2), None)
    if weight is None:
        raise ValueError(
            f"{type(block).__name__} has no matrix among its parameters, so its width is unknown. "
            "block_diagram draws a block of attention and feed-forward network."
        )
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(weight)

    sources = {"x": noise(BATCH, TOKENS, weight.shape[1])}
    if "memory" in _required(block):
        sources["memory"] = noise(BATCH, TOKENS, weight.shape[1])
    steps: list[Step] = []

    def answer(name: str, module: nn.Module, args: tuple, options: dict, output) -> Tensor:
        name = _unused(name, sources)
        if not isinstance(output, Tensor):
            raise ValueError(f"{name} returns a {type(output).__name__}; expected one tensor.")
        first, *others = [*args, *options.values()]
        reads = [key for key in sources if any(other is sources[key] for other in others)]
        steps.append(Step(name, module, split(first, sources, name), tuple(reads)))
        sources[name] = noise(*output.shape)
        return sources[name]

    with _listening(block, answer), torch.no_grad():
        output = block(*sources.values())
    return steps, split(output, sources, "the output")


def split(given: Tensor, sources: Mapping[str, Tensor], place: str) -> dict[str, float]:
    """Write a tensor as a weighted sum of others, by least squares; return their factors."""
    rounding = max(1e-6, 4 * torch.finfo(given.dtype).eps)
    same = {name: source for name, source in sources.items() if source.shape == given.shape}
    target = given.double().flatten()
    columns = torch.stack([source.double().flatten() for source in same.values()], dim=1)
    factors = torch.linalg.lstsq(columns, target).solution
    if (columns @ factors - target).norm() > rounding * target.norm():
        raise ValueError(
            f"what arrives at {place} is no weighted sum of {', '.join(same)}. A diagram shows "
            "sums only: make any other operation a module of the block, so that it gets a box."
        )
    pairs = zip(same, factors.tolist(), strict=True)
    return {name: _neat(f, rounding) for name, f in pairs if abs(f) > rounding}


def _neat(factor: float, rounding: float) -> float:
    """Undo the rounding errors of a factor: 0.9999999 is 1."""
    short = round(factor, 2)
    near = isclose(factor, short, rel_tol=max(rounding, 1e-4))
    return short if near else float(f"{factor:.3g}")


def _required(block: nn.Module) -> set[str]:
    """Return the names of the arguments without which the block cannot be called."""
    parameters = inspect.signature(block.forward).parameters.values()
    return {one.name for one in parameters if one.default is one.empty}


def _unused(name: str, taken: Mapping[str, Tensor]) -> str:
    """Return the name, numbered if the part has run before."""
    count = 1 + sum(key == name or key.startswith(f"{name} (") for key in taken)
    return name if count == 1 else f"{name} ({count})"


@contextmanager
def _listening(block: nn.Module, answer: Callable[..., Tensor]) -> Iterator[None]:
    """Let `answer` replace the result of each part; dropout is off meanwhile and gets no step."""
    modes = {module: module.training for module in block.modules()}
    hooks = []
    try:
        block.eval()
        for name, part in block.named_children():
            if not isinstance(part, nn.Dropout):
                hook = partial(answer, name)
                hooks.append(part.register_forward_hook(hook, with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
