"""What the tests of whole models share: random parameters, and PyTorch's under our names."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

SMALL = {"vocab_size": 11, "context_length": 12, "d_model": 8, "n_heads": 2, "n_layers": 2}
"""Sizes of a model that runs in milliseconds."""
INSIDE = ("rotary", "alibi", "t5", "transformer_xl", "deberta")
"""The position schemes that act inside attention, where a list of heads has no place for them."""


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in double precision."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def some_tokens(*shape: int, vocab_size: int = 11, seed: int = 0) -> Tensor:
    """Token ids other than 0, which stands for padding."""
    return torch.randint(1, vocab_size, shape, generator=torch.Generator().manual_seed(seed))


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in double precision, evaluating, with random numbers for all its parameters.

    A bias of zeros, a scale of ones or a table of zeros would hide that it is never used.
    """
    for index, (name, parameter) in enumerate(module.named_parameters()):
        shift = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
        numbers = shift + 0.5 * random(*parameter.shape, seed=1000 * seed + index)
        parameter.data = numbers
    return module.double().eval()


def our_names(theirs: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors of PyTorch's encoder or decoder layer, under the names of Block or CrossBlock."""
    parts = {"self_attn": "attention", "multihead_attn": "cross_attention"}
    parts |= {"linear1": "feed_forward.w_in", "linear2": "feed_forward.w_out"}
    parts |= {f"norm{i}": f"norm_{i}" for i in (1, 2, 3)}
    ours = {}
    for name, tensor in theirs:
        part, rest = name.split(".", 1)
        if rest.startswith("in_proj_"):  # three projections, stacked
            rows = zip(("w_q", "w_k", "w_v"), tensor.chunk(3), strict=True)
            kind = rest.removeprefix("in_proj_")
            ours |= {f"{parts[part]}.{role}.{kind}": piece for role, piece in rows}
        else:
            ours[f"{parts[part]}.{rest.replace('out_proj', 'w_o')}"] = tensor
    return ours


def gradients(module: nn.Module) -> list[tuple[str, Tensor]]:
    """The gradient of each parameter, by name."""
    return [(name, parameter.grad) for name, parameter in module.named_parameters()]
