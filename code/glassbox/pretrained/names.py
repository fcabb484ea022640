"""Which tensor of a published GPT-2 is which parameter here, and in which shape."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

PREFIX = "transformer."
"""What transformers writes before every name; the files that OpenAI's GPT-2 came in have none."""
HEAD = "lm_head.weight"
"""The output layer, where a file repeats the embedding under this name."""


class Entry(NamedTuple):
    """One tensor of a file, and the parameters that it holds.

    Attributes:
        name: what the file calls it.
        ours: the parameters, stacked along the last axis where there are several.
        shape: the shape in the file.
        turned: whether the file keeps a matrix as (in, out), where a linear layer has (out, in).
    """

    name: str
    ours: tuple[str, ...]
    shape: tuple[int, ...]
    turned: bool = False


def entries(sizes: Mapping[str, int]) -> Iterator[Entry]:
    """Yield every tensor of a GPT-2 of these sizes.

    Args:
        sizes: `vocab_size`, `context_length`, `d_model`, `d_ff` and `n_layers`.
    """
    width, wide = sizes["d_model"], sizes["d_ff"]
    yield Entry("wte.weight", ("token_embedding.weight",), (sizes["vocab_size"], width))
    yield Entry("wpe.weight", ("positions.table.weight",), (sizes["context_length"], width))
    for layer in range(sizes["n_layers"]):
        theirs, ours = f"h.{layer}", f"blocks.{layer}"
        yield from _vectors(f"{theirs}.ln_1", f"{ours}.norm_1", width)
        roles = [f"{ours}.attention.{role}" for role in ("w_q", "w_k", "w_v")]
        yield from _linear(f"{theirs}.attn.c_attn", roles, width, 3 * width)
        yield from _linear(f"{theirs}.attn.c_proj", [f"{ours}.attention.w_o"], width, width)
        yield from _vectors(f"{theirs}.ln_2", f"{ours}.norm_2", width)
        yield from _linear(f"{theirs}.mlp.c_fc", [f"{ours}.feed_forward.w_in"], width, wide)
        yield from _linear(f"{theirs}.mlp.c_proj", [f"{ours}.feed_forward.w_out"], wide, width)
    yield from _vectors("ln_f", "norm", width)


def _vectors(theirs: str, ours: str, width: int) -> Iterator[Entry]:
    """Yield the scale and the shift of a norm."""
    for kind in ("weight", "bias"):
        yield Entry(f"{theirs}.{kind}", (f"{ours}.{kind}",), (width,))


def _linear(theirs: str, ours: list[str], d_in: int, d_out: int) -> Iterator[Entry]:
    """Yield the matrix and the bias of a linear layer, or of several side by side."""
    yield Entry(f"{theirs}.weight", tuple(f"{name}.weight" for name in ours), (d_in, d_out), True)
    yield Entry(f"{theirs}.bias", tuple(f"{name}.bias" for name in ours), (d_out,))


def to_ours(entry: Entry, tensor: Tensor) -> dict[str, Tensor]:
    """Return the parameters that a tensor of the file holds, each in memory of its own.

    Half precision is widened to single, and nothing is rounded.

    Args:
        entry: what the tensor is.
        tensor: as the file has it.
    """
    dtype = torch.promote_types(tensor.dtype, torch.float32)
    pieces = tensor.chunk(len(entry.ours), dim=-1)
    pieces = [piece.T if entry.turned else piece for piece in pieces]
    return {
        name: torch.empty(piece.shape, dtype=dtype).copy_(piece)
        for name, piece in zip(entry.ours, pieces, strict=True)
    }


def to_theirs(entry: Entry, state: Mapping[str, Tensor]) -> Tensor:
    """Return a tensor as the file is to have it.

    Args:
        entry: what the tensor is.
        state: the parameters under our names.
    """
    pieces = [state[name].detach().cpu() for name in entry.ours]
    pieces = [piece.T if entry.turned else piece for piece in pieces]
    return torch.cat(pieces, dim=-1).contiguous()


def is_mask(name: str) -> bool:
    """Tell whether a file's tensor is an attention mask that was stored along, not a parameter."""
    return name.endswith((".attn.bias", ".attn.masked_bias"))
