"""Switch heads off, to see what they are good for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from glassbox import checks
from glassbox.inspection.heads import check_head, find_attention


@contextmanager
def ablate_heads(
    model: nn.Module,
    heads: Mapping[str | int, Sequence[int]] | Iterable[tuple[int, int]],
    by: str = "zero",
) -> Iterator[None]:
    """Silence heads while the `with` block runs.

    What a head found is replaced before `w_o` writes it to the stream; the layer's bias stays.
    Replacing it by its mean takes away what the head tells about this text, but not what it always
    says.

    Args:
        model: a model with attention.
        heads: pairs of layer and head, such as `[(0, 2), (3, 1)]`; or for each layer its heads,
            such as `{0: [2]}` or `{"decoder.blocks.0.cross_attention": [0, 1]}`. A number is an
            index of `model.blocks`, a name the path of a block or of its attention.
        by: `"zero"`, or `"mean"` for the mean over all tokens of this batch, later ones included:
            give it enough of them.

    Raises:
        ValueError: if there is no such layer or head, or `by` is unknown.

    Source:
        Michel, Levy and Neubig (2019), "Are Sixteen Heads Really Better than One?", section 2.3,
        https://doi.org/10.48550/arXiv.1905.10650

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> model, tokens = GPT(preset("character")), torch.zeros(1, 8, dtype=torch.long)
        >>> before = model(tokens).logits
        >>> with ablate_heads(model, [(0, 2)]):
        ...     without = model(tokens).logits
        >>> torch.equal(before, without), torch.equal(before, model(tokens).logits)
        (False, True)
    """
    checks.one_of("by", by, ("zero", "mean"))
    with ExitStack() as stack:
        for layer, chosen in _by_layer(heads).items():
            attention = find_attention(model, layer)
            for head in chosen:
                check_head(attention, head)
            hook = _silence(attention.n_heads, chosen, by)
            stack.callback(attention.w_o.register_forward_pre_hook(hook).remove)
        yield


def _by_layer(
    heads: Mapping[str | int, Sequence[int]] | Iterable[tuple[int, int]],
) -> dict[str | int, Sequence[int]]:
    """Return the heads of each layer."""
    if isinstance(heads, Mapping):
        return dict(heads)
    grouped: dict[str | int, list[int]] = {}
    for layer, head in heads:
        grouped.setdefault(layer, []).append(head)
    return grouped


def _silence(n_heads: int, chosen: Sequence[int], by: str) -> Callable:
    """Return a hook that replaces what the chosen heads bring to `w_o`."""

    def hook(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        per_head = inputs[0].unflatten(-1, (n_heads, -1))
        known = torch.zeros_like(per_head) if by == "zero" else per_head.mean((0, 1), keepdim=True)
        silent = torch.zeros(n_heads, 1, dtype=torch.bool, device=per_head.device)
        silent[list(chosen)] = True
        return (torch.where(silent, known, per_head).flatten(-2),)

    return hook
