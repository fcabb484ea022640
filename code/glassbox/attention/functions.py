"""Scaled dot-product attention: the formula, once, and the same by PyTorch's fused kernel."""

from math import sqrt

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from glassbox import masks
from glassbox.attention.arguments import check_arguments, check_options


def attention(
    query: Float[Tensor, "*batch seq d_k"],
    key: Float[Tensor, "*batch src d_k"],
    value: Float[Tensor, "*batch src d_v"],
    *,
    mask: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
) -> tuple[Float[Tensor, "*batch seq d_v"], Float[Tensor, "*batch seq src"]]:
    r"""Mix the values, weighted by how well each query matches each key.

    $$E = s\,QK^\top + \text{bias}, \qquad A = \operatorname{softmax}(E), \qquad C = AV$$

    The softmax runs over the keys, so each row of $A$ sums to 1 and each row of $C$ is a
    weighted average of the rows of $V$. A blocked score counts as minus infinity.

    Args:
        query: what each position looks for, shape `(..., T, d_k)`.
        key: what each position is matched by, shape `(..., S, d_k)`.
        value: what each position delivers, shape `(..., S, d_v)`.
        mask: `True` where attention is allowed, shape `(T, S)` or that of the scores, where any
            axis may be 1.
        bias: finite numbers, added to the scaled scores; a shape that broadcasts to theirs. What
            blocks goes into `mask`.
        causal: whether the queries, taken as the last T of S positions, see no later key.
        scale: the factor s on the scores; $1/\sqrt{d_k}$ if not given.
        dropout: share of the weights that are set to 0, the rest being divided by 1 minus it.

    Returns:
        The context vectors C, shape `(..., T, d_v)`, and the attention weights A, shape
        `(..., T, S)`. A query that may attend to nothing gets zeros in both.

    Raises:
        ValueError: if an argument holds integers or is not at least a matrix, if queries and keys
            differ in width, if there is not one value for each key, if types or devices are mixed,
            or if mask or bias do not fit the scores.
        TypeError: if the mask is not boolean, or an argument is of another kind.

    Source:
        Vaswani et al. (2017), "Attention Is All You Need", equation 1,
        https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> x = torch.eye(2)
        >>> context, weights = attention(x, x, x, scale=1.0)
        >>> weights
        tensor([[0.7311, 0.2689],
                [0.2689, 0.7311]])
        >>> attention(x, x, x, scale=1.0, causal=True)[1]
        tensor([[1.0000, 0.0000],
                [0.2689, 0.7311]])
    """
    check_arguments(query, key, value, mask, bias)
    check_options(causal, scale, dropout)
    if scale is None:
        scale = 1 / sqrt(query.shape[-1])
    scores = query @ key.transpose(-2, -1) * scale
    if bias is not None:
        scores = scores + bias
    allowed = _allowed(mask, causal, query, key)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    weights = torch.softmax(scores, dim=-1)
    if allowed is not None:  # a row without any key came out as 0 / 0
        weights = weights.masked_fill(~allowed, 0.0)
    weights = F.dropout(weights, dropout)
    return weights @ value, weights


def fused_attention(
    query: Float[Tensor, "*batch seq d_k"],
    key: Float[Tensor, "*batch src d_k"],
    value: Float[Tensor, "*batch src d_v"],
    *,
    mask: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "*batch seq d_v"]:
    r"""Return the context vectors of `attention`, computed by PyTorch's fused kernel.

    Where a kernel fits, it goes through the keys block by block with a running softmax, and the
    weights are never in memory all at once. Arguments, errors and the result are those of
    `attention`; only the weights are not to be had.

    Args:
        query: what each position looks for, shape `(..., T, d_k)`.
        key: what each position is matched by, shape `(..., S, d_k)`.
        value: what each position delivers, shape `(..., S, d_v)`.
        mask: `True` where attention is allowed, as in `attention`.
        bias: added to the scaled scores.
        causal: whether the queries, taken as the last T of S positions, see no later key.
        scale: the factor on the scores; $1/\sqrt{d_k}$ if not given.
        dropout: share of the weights that are set to 0.

    Returns:
        The context vectors C, shape `(..., T, d_v)`.

    Raises:
        ValueError: as `attention`.
        TypeError: as `attention`.

    Source:
        Dao et al. (2022), "FlashAttention", algorithm 1,
        https://doi.org/10.48550/arXiv.2205.14135

    Example:
        >>> x = torch.eye(2)
        >>> fused_attention(x, x, x, scale=1.0)
        tensor([[0.7311, 0.2689],
                [0.2689, 0.7311]])
    """
    check_arguments(query, key, value, mask, bias)
    check_options(causal, scale, dropout)
    if _slow_backward(query):
        with torch.autocast("cpu", enabled=False):
            parts = (part.float() for part in (query, key, value))
            options = {"causal": causal, "scale": scale, "dropout": dropout}
            bias = None if bias is None else bias.float()
            return fused_attention(*parts, mask=mask, bias=bias, **options).to(query.dtype)
    seq, src = query.shape[-2], key.shape[-2]
    if causal and seq == 1:
        causal = False  # the last position sees every key
    plain = mask is None and bias is None and (scale is None or scale > 0)
    if causal and seq == src and plain:  # the kernel multiplies its -inf by the scale as well
        return F.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scale, dropout_p=dropout
        )
    allowed = _allowed(mask, causal, query, key)
    if bias is not None and allowed is not None:
        bias = bias.masked_fill(~allowed, -torch.inf)
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=allowed if bias is None else bias,
        scale=scale,
        dropout_p=dropout,
    )


def _slow_backward(query: Tensor) -> bool:
    """Tell whether the kernel's backward pass is slower in this precision than in float32.

    On CPUs it is, up to about a thousand tokens: `make bench` compares both.
    """
    half = query.dtype in (torch.bfloat16, torch.float16)
    return half and query.device.type == "cpu" and query.requires_grad


def _allowed(mask: Tensor | None, causal: bool, query: Tensor, key: Tensor) -> Tensor | None:
    """Return one mask for both restrictions, or None where there is none."""
    if not causal:
        return mask
    earlier = masks.causal(query.shape[-2], key.shape[-2], device=query.device)
    return earlier if mask is None else mask & earlier
