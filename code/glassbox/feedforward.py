"""The feed-forward network: the same small network at every position, one token at a time."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassbox import checks


class SquaredReLU(nn.Module):
    r"""Square what is positive, and drop the rest: $\max(0, x)^2$.

    Source:
        So et al. (2021), "Primer: Searching for Efficient Transformers for Language Modeling",
        https://doi.org/10.48550/arXiv.2109.08668

    Example:
        >>> SquaredReLU()(torch.tensor([-2.0, 0.5, 3.0]))
        tensor([0.0000, 0.2500, 9.0000])
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return the squared positive part of each entry."""
        return torch.relu(x).square()


class FeedForward(nn.Module):
    r"""Widen each token's vector, bend it, and bring it back to its width.

    $$\operatorname{FFN}(x) = \sigma(x W_\text{in} + b_\text{in})\, W_\text{out} + b_\text{out}$$

    No token sees another one here.

    Args:
        d_model: width D of a token's vector.
        d_ff: width F in between, usually four times as much.
        activation: σ, a module that acts on each entry.
        bias: whether the two projections add a learned vector.
        dropout: share of the output's entries that are zeroed while training.

    Raises:
        TypeError: if a width is no whole number, or `activation` no module.
        ValueError: if a width is below 1, or `dropout` is no share.

    Source:
        Vaswani et al. (2017), section 3.3, equation 2, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> layer = FeedForward(64, 256, nn.ReLU())
        >>> layer(torch.zeros(4, 8, 64)).shape
        torch.Size([4, 8, 64])
        >>> sum(p.numel() for p in layer.parameters())
        33088
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        activation: nn.Module,
        *,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Draw the two projections, the widening one first."""
        super().__init__()
        checks.positive(d_model=d_model, d_ff=d_ff)
        checks.share(dropout=dropout)
        checks.module("activation", activation, "nn.ReLU()")
        self.w_in = nn.Linear(d_model, d_ff, bias=bias)
        self.activation = activation
        self.w_out = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return what is to be added to each token, shape `(..., D)`.

        Raises:
            ValueError: if the last axis of `x` is not `d_model`.
        """
        checks.width("x", x, self.w_in.in_features, "d_model", self.w_in.weight)
        return self.dropout(self.w_out(self.activation(self.w_in(x))))


class SwiGLU(nn.Module):
    r"""Let one projection of the token gate another, entry by entry.

    $$\operatorname{SwiGLU}(x) = \bigl(\operatorname{silu}(x W_\text{gate}) \odot x W_\text{in}
    \bigr)\, W_\text{out}, \qquad \operatorname{silu}(z) = \frac{z}{1 + e^{-z}}$$

    With three matrices instead of two, `d_ff` of two thirds as much costs the same.

    Args:
        d_model: width D of a token's vector.
        d_ff: width F in between.
        bias: whether the three projections add a learned vector.
        dropout: share of the output's entries that are zeroed while training.

    Raises:
        ValueError: if a width is below 1, or `dropout` is no share.

    Source:
        Shazeer (2020), "GLU Variants Improve Transformer", equation 6,
        https://doi.org/10.48550/arXiv.2002.05202

    Example:
        >>> SwiGLU(64, 170)(torch.zeros(4, 8, 64)).shape
        torch.Size([4, 8, 64])
    """

    def __init__(
        self, d_model: int, d_ff: int, *, bias: bool = False, dropout: float = 0.0
    ) -> None:
        """Draw the three projections, in the order gate, in, out."""
        super().__init__()
        checks.positive(d_model=d_model, d_ff=d_ff)
        checks.share(dropout=dropout)
        self.w_gate = nn.Linear(d_model, d_ff, bias=bias)
        self.w_in = nn.Linear(d_model, d_ff, bias=bias)
        self.w_out = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return what is to be added to each token, shape `(..., D)`.

        Raises:
            ValueError: if the last axis of `x` is not `d_model`.
        """
        checks.width("x", x, self.w_in.in_features, "d_model", self.w_in.weight)
        return self.dropout(self.w_out(F.silu(self.w_gate(x)) * self.w_in(x)))


def _with(make_activation: Callable[[], nn.Module]) -> Callable[..., FeedForward]:
    """Return a builder of feed-forward networks that have this activation."""

    def build(d_model: int, d_ff: int, *, bias: bool = True, dropout: float = 0.0) -> FeedForward:
        return FeedForward(d_model, d_ff, make_activation(), bias=bias, dropout=dropout)

    return build


FEED_FORWARDS: dict[str, Callable[..., nn.Module]] = {
    "relu": _with(nn.ReLU),
    "gelu": _with(nn.GELU),
    "gelu_tanh": _with(lambda: nn.GELU(approximate="tanh")),
    "squared_relu": _with(SquaredReLU),
    "swiglu": SwiGLU,
}
"""Builders by name, as configurations write them; each takes `d_model`, `d_ff`, `bias=` and
`dropout=`. `"gelu_tanh"` is GPT-2's approximation of GELU."""
