"""Record what passes through a model, without changing the model."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from glassbox.inspection.modules import blocks_of, find_module
from glassbox.tap import Tap


@contextmanager
def record(model: nn.Module, *names: str) -> Iterator[dict[str, Any]]:
    """Record the outputs of modules while the `with` block runs.

    The tensors are detached: they belong to no graph, so nothing else is kept alive. If a module
    is called again, its new output takes the place of the old one. When the block ends, even by an
    error, the hooks are gone.

    Args:
        model: the model.
        names: paths of modules, such as `"blocks.0.feed_forward.activation"`; all that there are
            are listed by `model.named_modules()`.

    Yields:
        Each name's latest output, once the model has run. Tuples stay tuples.

    Raises:
        ValueError: if no name is given, or there is no module of a name.

    Example:
        >>> import torch
        >>> from glassbox.gpt import GPT, preset
        >>> model = GPT(preset("character"))
        >>> with record(model, "blocks.0.feed_forward.activation", "norm") as seen:
        ...     output = model(torch.zeros(1, 8, dtype=torch.long))
        >>> {name: tuple(tensor.shape) for name, tensor in seen.items()}
        {'blocks.0.feed_forward.activation': (1, 8, 256), 'norm': (1, 8, 64)}
    """
    modules = {name: find_module(model, name) for name in _at_least_one(names)}
    with _outputs(modules) as seen:
        yield seen


@contextmanager
def record_inputs(model: nn.Module, *names: str) -> Iterator[dict[str, Any]]:
    """Record what modules are given, as `record` does what they return.

    The input of `w_o` is what the heads of an attention layer found, side by side.

    Args:
        model: the model.
        names: paths of modules, such as `"blocks.0.attention.w_o"`.

    Yields:
        The first argument of each name's latest call.

    Raises:
        ValueError: if no name is given, or there is no module of a name.

    Example:
        >>> import torch
        >>> from glassbox.gpt import GPT, preset
        >>> model = GPT(preset("character"))
        >>> with record_inputs(model, "head") as seen:
        ...     output = model(torch.zeros(1, 8, dtype=torch.long))
        >>> seen["head"].shape
        torch.Size([1, 8, 64])
    """
    seen: dict[str, Any] = {}
    with ExitStack() as stack:
        for name in _at_least_one(names):

            def keep(module: nn.Module, inputs: tuple, name: str = name) -> None:
                seen[name] = _detached(inputs[0])

            hook = find_module(model, name).register_forward_pre_hook(keep)
            stack.callback(hook.remove)
        yield seen


@contextmanager
def record_attention(
    model: nn.Module,
) -> Iterator[dict[str, Float[Tensor, "batch heads seq src"] | Float[Tensor, "batch seq src"]]]:
    """Record the attention weights of every layer while the `with` block runs.

    Attention then takes the explicit formula, which has weights to show. In training, dropout has
    already struck them; `model.eval()` first gives rows that sum to 1.

    Args:
        model: a model with attention.

    Yields:
        The latest weights of each layer by its path, such as `"blocks.0.attention"`, shape
        `(B, H, T, S)`, detached. Where a model itself attends, as `RecurrentSeq2Seq` does, the
        name is `"weights"` and the shape `(B, T, S)`.

    Raises:
        ValueError: if the model has no attention.

    Example:
        >>> import torch
        >>> from glassbox.gpt import GPT, preset
        >>> model = GPT(preset("character"))
        >>> with record_attention(model) as weights:
        ...     output = model(torch.zeros(1, 8, dtype=torch.long))
        >>> len(weights), weights["blocks.0.attention"].shape
        (4, torch.Size([1, 4, 8, 8]))
    """
    taps = {name: module for name, module in model.named_modules() if isinstance(module, Tap)}
    if not taps:
        raise ValueError(
            f"{type(model).__name__} has no attention weights to record. They are seen at a Tap, "
            "such as that of HeadList and MultiHeadAttention; a single head returns them from "
            "attend(x)."
        )
    with _outputs({name.rpartition(".")[0] or name: tap for name, tap in taps.items()}) as seen:
        yield seen


@contextmanager
def record_stream(model: nn.Module) -> Iterator[list[Float[Tensor, "batch seq d_model"]]]:
    """Record the residual stream before the first block and after every block.

    Args:
        model: a model with `blocks`: a `GPT`, or the `encoder` or `decoder` of a larger one.

    Yields:
        A list that the latest run fills with N + 1 tensors of shape `(B, T, d_model)`, detached.

    Raises:
        ValueError: if the model has no blocks.

    Source:
        Elhage et al. (2021), "A Mathematical Framework for Transformer Circuits", section
        "Transformer Overview", https://transformer-circuits.pub/2021/framework/index.html

    Example:
        >>> import torch
        >>> from glassbox.gpt import GPT, preset
        >>> model = GPT(preset("character"))
        >>> with record_stream(model) as stream:
        ...     output = model(torch.zeros(1, 8, dtype=torch.long))
        >>> len(stream), stream[0].shape
        (5, torch.Size([1, 8, 64]))
    """
    blocks = blocks_of(model)
    stream: list[Tensor] = []

    def begin(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        stream[:] = [inputs[0].detach()]

    def go_on(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        stream.append(output.detach())

    with ExitStack() as stack:
        stack.callback(blocks[0].register_forward_pre_hook(begin).remove)
        for block in blocks:
            stack.callback(block.register_forward_hook(go_on).remove)
        yield stream


@contextmanager
def _outputs(modules: dict[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Record the latest output of each module under its name."""
    seen: dict[str, Any] = {}
    with ExitStack() as stack:
        for name, module in modules.items():

            def keep(module: nn.Module, inputs: tuple, output: Any, name: str = name) -> None:
                seen[name] = _detached(output)

            stack.callback(module.register_forward_hook(keep).remove)
        yield seen


def _detached(value: Any) -> Any:
    """Return tensors, alone or in tuples and lists, cut off from their graph."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list):
        parts = [_detached(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _at_least_one(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse to record nothing."""
    if not names:
        raise ValueError('no name is given; expected paths of modules, such as "blocks.0".')
    return names
