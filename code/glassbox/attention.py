"""Scaled dot-product attention: the formula, once, and the layer that learns its inputs."""

from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn


def attention(
    query: Float[Tensor, "*batch seq d_k"],
    key: Float[Tensor, "*batch src d_k"],
    value: Float[Tensor, "*batch src d_v"],
    *,
    scale: float | None = None,
) -> tuple[Float[Tensor, "*batch seq d_v"], Float[Tensor, "*batch seq src"]]:
    r"""Mix the values, weighted by how well each query matches each key.

    $$E = s\,QK^\top, \qquad A = \operatorname{softmax}(E), \qquad C = AV$$

    The softmax runs over the keys, so each row of $A$ sums to 1 and each row of $C$ is a
    weighted average of the rows of $V$.

    Args:
        query: what each position looks for, shape `(..., T, d_k)`.
        key: what each position is matched by, shape `(..., S, d_k)`.
        value: what each position delivers, shape `(..., S, d_v)`.
        scale: the factor s on the scores; $1/\sqrt{d_k}$ if not given.

    Returns:
        The context vectors C, shape `(..., T, d_v)`, and the attention weights A, shape
        `(..., T, S)`.

    Raises:
        ValueError: if an argument holds integers or is not at least a matrix, if queries and keys
            differ in width, or if there is not one value for each key.

    Source:
        Vaswani et al. (2017), "Attention Is All You Need", equation 1,
        https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> x = torch.eye(2)
        >>> context, weights = attention(x, x, x, scale=1.0)
        >>> weights
        tensor([[0.7311, 0.2689],
                [0.2689, 0.7311]])
    """
    _check_shapes(query, key, value)
    if scale is None:
        scale = 1 / sqrt(key.shape[-1])
    scores = query @ key.transpose(-2, -1) * scale
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights


def _check_shapes(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Raise a ValueError that names the argument at fault and the likely fix."""
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if not tensor.is_floating_point():
            raise ValueError(
                f"{name} holds {tensor.dtype}; attention averages, so it needs floating-point "
                f"numbers. Look token ids up in an embedding first, or convert: {name}.float()."
            )
        if tensor.ndim < 2:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}; expected (..., tokens, width). "
                f"For a single token, add its axis: {name}.unsqueeze(0)."
            )
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


class SelfAttention(nn.Module):
    r"""One attention head whose queries, keys and values come from the same sequence.

    $$Q = XW_Q, \quad K = XW_K, \quad V = XW_V, \qquad
    C = \operatorname{softmax}(QK^\top/\sqrt{d_k})\,V$$

    Args:
        d_in: width of a token's vector.
        d_head: width of a query, of a key and of a value.
        bias: whether the three projections add a learned vector.

    Source:
        Vaswani et al. (2017), section 3.2, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> layer = SelfAttention(d_in=3, d_head=2)
        >>> layer(torch.zeros(4, 6, 3)).shape
        torch.Size([4, 6, 2])
    """

    def __init__(self, d_in: int, d_head: int, *, bias: bool = False) -> None:
        """Draw three independent projections, in the order query, key, value."""
        super().__init__()
        for name, width in (("d_in", d_in), ("d_head", d_head)):
            if width < 1:
                raise ValueError(f"{name} is {width}; a vector has at least 1 entry.")
        self.w_q = nn.Linear(d_in, d_head, bias=bias)
        self.w_k = nn.Linear(d_in, d_head, bias=bias)
        self.w_v = nn.Linear(d_in, d_head, bias=bias)

    def attend(
        self, x: Float[Tensor, "*batch seq d_in"]
    ) -> tuple[Float[Tensor, "*batch seq d_head"], Float[Tensor, "*batch seq seq"]]:
        """Return the context vectors and the attention weights of `x`.

        Raises:
            ValueError: if the last axis of `x` is not `d_in`.
        """
        d_in = self.w_q.in_features
        if x.shape[-1] != d_in:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected (..., tokens, {d_in}). This layer was "
                f"built with d_in={d_in}."
            )
        return attention(self.w_q(x), self.w_k(x), self.w_v(x))

    def forward(self, x: Float[Tensor, "*batch seq d_in"]) -> Float[Tensor, "*batch seq d_head"]:
        """Return the context vectors of `x`: shape `(..., T, d_in)` to `(..., T, d_head)`."""
        return self.attend(x)[0]
