"""What attention accepts: checks that name the argument at fault and the likely fix."""

import torch
from torch import Tensor, nn

from glassbox import checks


def check_arguments(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, bias: Tensor | None
) -> None:
    """Raise a ValueError or TypeError where the arguments of `attention` do not fit together."""
    _check_tensors(query, key, value)
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"query has width {query.shape[-1]} and key has width {key.shape[-1]}; their dot "
            "product needs equal widths. Project both to the same d_k."
        )
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"there are {key.shape[-2]} keys but {value.shape[-2]} values; expected one value "
            "for each key. Both are usually computed from the same sequence."
        )
    if not query.shape[:-2] == key.shape[:-2] == value.shape[:-2]:
        raise ValueError(
            f"query, key and value have shapes {tuple(query.shape)}, {tuple(key.shape)} and "
            f"{tuple(value.shape)}; all axes before the last two must agree: the same sequences, "
            "and as many heads. Give shared key and value heads once for each query head: "
            "key.repeat_interleave(n_heads // n_kv_heads, dim=-3)."
        )
    scores = (*query.shape[:-1], key.shape[-2])
    if mask is not None:
        check_mask(mask, scores, query.device)
    if bias is not None:
        _check_bias(bias, scores, query)


def check_options(causal: bool, scale: float | None, dropout: float) -> None:
    """Raise a TypeError or ValueError where the options of `attention` are of the wrong kind."""
    checks.share(dropout=dropout)
    if not isinstance(causal, bool):
        raise TypeError(
            f"causal is of type {type(causal).__name__}; expected True or False. A mask of your "
            "own goes into mask=."
        )
    if scale is not None and not isinstance(scale, int | float):
        raise TypeError(
            f"scale is {scale!r}, of type {type(scale).__name__}; expected a number, such as "
            "0.125, or None for 1 / sqrt(d_k)."
        )


def _check_tensors(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Refuse integers, vectors, and a mixture of types or devices."""
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        check_vectors(name, tensor)
    if not query.dtype == key.dtype == value.dtype:
        raise ValueError(
            f"query, key and value hold {query.dtype}, {key.dtype} and {value.dtype}; expected one "
            "type. Convert them to the same, for instance with .to(query.dtype)."
        )
    if not query.device == key.device == value.device:
        raise ValueError(
            f"query, key and value lie on {query.device}, {key.device} and {value.device}; "
            "expected one device. Move them with .to(query.device)."
        )


def check_vectors(name: str, x: Tensor) -> None:
    """Refuse what holds no vectors that could be averaged."""
    checks.tensor(name, x)
    if not x.is_floating_point():
        raise ValueError(
            f"{name} holds {x.dtype}; attention averages, so it needs floating-point "
            f"numbers. Look token ids up in an embedding first, or convert: {name}.float()."
        )
    if x.ndim < 2 or x.shape[-1] == 0:
        fix = f" For a single token, add its axis: {name}.unsqueeze(0)." if x.ndim == 1 else ""
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (..., tokens, width), with a width of at "
            f"least 1.{fix}"
        )


def check_mask(mask: Tensor, scores: tuple[int, ...], device: torch.device) -> None:
    """Refuse masks of numbers, and shapes that would line up with the wrong axes."""
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"mask is of type {type(mask).__name__}; expected a boolean torch.Tensor, True where "
            f"attention is allowed, such as masks.causal({scores[-1]})."
        )
    if mask.dtype != torch.bool:
        raise TypeError(
            f"mask holds {mask.dtype}; expected torch.bool, True where attention is allowed. "
            "Convert it: masks.from_numbers for ones and zeros, masks.from_additive for zeros and "
            "minus infinities. Numbers to be added to the scores go into bias=."
        )
    if mask.device != device:
        raise ValueError(
            f"mask lies on {mask.device} and query on {device}; expected one device. Move it with "
            f"mask.to('{device}')."
        )
    if mask.ndim == len(scores) - 1 and mask.ndim > 2:
        raise ValueError(
            f"mask has shape {tuple(mask.shape)} and the scores have shape {scores}. Its first "
            "axis would line up with the heads, silently so where there are as many heads as "
            "sequences. For one mask a sequence, add the axis of the heads: mask.unsqueeze(1)."
        )
    if mask.ndim not in (2, len(scores)) or not _broadcasts(tuple(mask.shape), scores):
        fix = ""
        if len(scores) > 2 and tuple(mask.shape) == (scores[0], scores[-1]):
            axes = ", None" * (len(scores) - 2)
            fix = f" One row a sequence, as for padding, takes more axes: mask[:{axes}]."
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}, but the scores have shape {scores}: expected "
            f"(queries, keys), here {scores[-2:]}, or all {len(scores)} axes, each of full size "
            f"or 1.{fix}"
        )


def check_stream(name: str, x: Tensor, w_in: nn.Linear) -> None:
    """Refuse what is not a batch of sequences of vectors that `w_in` can project."""
    checks.tensor(name, x)
    d_model = w_in.in_features
    if x.ndim != 3 or x.shape[-1] != d_model:
        fix = f" For one sequence, add the batch axis: {name}.unsqueeze(0)." if x.ndim == 2 else ""
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (batch, tokens, {d_model}). This layer "
            f"was built with d_model={d_model}.{fix}"
        )
    checks.like(name, x, w_in.weight)


def _check_bias(bias: Tensor, scores: tuple[int, ...], query: Tensor) -> None:
    """Refuse a bias of another type or device, or one that would change the shape of the scores."""
    checks.tensor("bias", bias)
    if bias.dtype != query.dtype or bias.device != query.device:
        raise ValueError(
            f"bias holds {bias.dtype} on {bias.device}, query {query.dtype} on {query.device}; "
            "expected the same of both. Convert it with bias.to(query). A boolean mask goes into "
            "mask=."
        )
    if bias.ndim < 2 or bias.ndim > len(scores) or not _broadcasts(tuple(bias.shape), scores):
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}, but it is added to scores of shape {scores}: "
            "expected the last axes of these, each of full size or 1."
        )


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Tell whether a tensor of `shape` can stand for one of `target`."""
    aligned = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(size in (1, full) for size, full in aligned)
