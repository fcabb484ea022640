"""Normalization: bring each token's vector to a common scale, whatever the others look like."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassbox import checks


def layer_norm(
    x: Float[Tensor, "*batch d_model"],
    weight: Float[Tensor, " d_model"],
    bias: Float[Tensor, " d_model"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "*batch d_model"]:
    r"""Center each vector, divide by its standard deviation, then scale and shift each column.

    $$\operatorname{LN}(x) = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta,
    \qquad \mu = \frac{1}{D}\sum_i x_i, \quad \sigma^2 = \frac{1}{D}\sum_i (x_i - \mu)^2$$

    Args:
        x: one vector a token, shape `(..., D)`.
        weight: the scale γ of each column, shape `(D,)`.
        bias: the shift β of each column, shape `(D,)`; none if not given.
        eps: ε, which keeps a constant vector from a division by zero. A vector whose variance is
            not far above it comes out smaller.

    Returns:
        The normalized vectors, shape `(..., D)`.

    Raises:
        ValueError: if the last axis of `x` is not D, or types or devices are mixed.

    Source:
        Ba, Kiros and Hinton (2016), "Layer Normalization", equations 3 and 4,
        https://doi.org/10.48550/arXiv.1607.06450

    Example:
        >>> layer_norm(torch.tensor([1000.0, 2000.0, 3000.0]), torch.ones(3))
        tensor([-1.2247,  0.0000,  1.2247])
        >>> layer_norm(torch.tensor([0.001, 0.002, 0.003]), torch.ones(3))
        tensor([-0.3062,  0.0000,  0.3062])
    """
    checks.tensor("weight", weight)
    checks.width("x", x, weight.shape[-1], "d_model", weight)
    if bias is not None and bias.shape != weight.shape:
        raise ValueError(
            f"bias has shape {tuple(bias.shape)} and weight {tuple(weight.shape)}; expected one of "
            "each for every column of x."
        )
    mean = x.mean(-1, keepdim=True)
    variance = (x - mean).square().mean(-1, keepdim=True)
    normalized = (x - mean) / torch.sqrt(variance + eps)
    return normalized * weight if bias is None else normalized * weight + bias


def rms_norm(
    x: Float[Tensor, "*batch d_model"], weight: Float[Tensor, " d_model"], eps: float = 1e-6
) -> Float[Tensor, "*batch d_model"]:
    r"""Divide each vector by its root mean square, then scale each column. Nothing is centered.

    $$\operatorname{RMS}(x) = \gamma \odot \frac{x}{\sqrt{\frac{1}{D}\sum_i x_i^2 + \varepsilon}}$$

    Args:
        x: one vector a token, shape `(..., D)`.
        weight: the scale γ of each column, shape `(D,)`.
        eps: ε, which keeps a vector of zeros from a division by zero.

    Returns:
        The normalized vectors, shape `(..., D)`.

    Raises:
        ValueError: if the last axis of `x` is not D, or types or devices are mixed.

    Source:
        Zhang and Sennrich (2019), "Root Mean Square Layer Normalization", equation 4,
        https://doi.org/10.48550/arXiv.1910.07467

    Example:
        >>> rms_norm(torch.tensor([3.0, 4.0]), torch.ones(2))  # divided by 5 / √2
        tensor([0.8485, 1.1314])
    """
    checks.tensor("weight", weight)
    checks.width("x", x, weight.shape[-1], "d_model", weight)
    mean_square = x.square().mean(-1, keepdim=True)
    return x / torch.sqrt(mean_square + eps) * weight


class LayerNorm(nn.Module):
    """Apply `layer_norm` with a learned scale and shift.

    The formula is computed by PyTorch in one fused step; the tests hold both equal. (In half
    precision only the fused step is exact: it sums in single precision.)

    Args:
        d_model: width D of a token's vector.
        eps: ε in the formula.
        bias: whether a shift is learned; it starts at 0, the scale at 1.

    Raises:
        ValueError: if `d_model` is below 1.

    Source:
        Ba, Kiros and Hinton (2016), equations 3 and 4, https://doi.org/10.48550/arXiv.1607.06450

    Example:
        >>> norm = LayerNorm(d_model=3)
        >>> norm(torch.tensor([[-500.0, 800.0, -200.0]]))
        tensor([[-0.9596,  1.3794, -0.4198]], grad_fn=<NativeLayerNormBackward0>)
    """

    def __init__(self, d_model: int, eps: float = 1e-5, bias: bool = True) -> None:
        """Start with a scale of ones and a shift of zeros."""
        super().__init__()
        checks.positive(d_model=d_model)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model)) if bias else None

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return the normalized vectors, shape `(..., D)`.

        Raises:
            ValueError: if the last axis of `x` is not `d_model`.
        """
        checks.width("x", x, len(self.weight), "d_model", self.weight)
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the sizes that `print(model)` shows."""
        return f"{len(self.weight)}, eps={self.eps:g}, bias={self.bias is not None}"


class RMSNorm(nn.Module):
    """Apply `rms_norm` with a learned scale.

    The formula is computed by PyTorch in one fused step; the tests hold both equal. (In half
    precision only the fused step is exact: it sums in single precision.)

    Args:
        d_model: width D of a token's vector.
        eps: ε in the formula.

    Raises:
        ValueError: if `d_model` is below 1.

    Source:
        Zhang and Sennrich (2019), equation 4, https://doi.org/10.48550/arXiv.1910.07467

    Example:
        >>> norm = RMSNorm(d_model=3)
        >>> norm(torch.tensor([[1000.0, 2000.0, 3000.0]])).detach()  # not centered
        tensor([[0.4629, 0.9258, 1.3887]])
    """

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        """Start with a scale of ones."""
        super().__init__()
        checks.positive(d_model=d_model)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Return the normalized vectors, shape `(..., D)`.

        Raises:
            ValueError: if the last axis of `x` is not `d_model`.
        """
        checks.width("x", x, len(self.weight), "d_model", self.weight)
        # Inside autocast x may be of another type; PyTorch's fused step takes one type only.
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)

    def extra_repr(self) -> str:
        """Return the sizes that `print(model)` shows."""
        return f"{len(self.weight)}, eps={self.eps:g}"


NORMS: dict[str, Callable[..., nn.Module]] = {"layer": LayerNorm, "rms": RMSNorm}
"""The norms by name, as configurations write them."""
