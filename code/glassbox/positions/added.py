"""Positions that are added to the embeddings: fixed waves, and a learned table."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.positions.base import Positions, check_places


def angles(
    positions: Float[Tensor, "*seq"], width: int, base: float = 10000.0
) -> Float[Tensor, "*seq pairs"]:
    r"""Return how far the hand of each clock has turned at each position.

    $$\phi_i(t) = t \cdot \text{base}^{-2i/\text{width}}, \qquad i = 0, \dots, \text{width}/2 - 1$$

    Args:
        positions: where, in tokens; any shape, and any sign.
        width: the number of columns, two for each clock.
        base: how slow the slowest clocks are; the wavelengths run from 2π to nearly 2π times this.

    Returns:
        The angles in radians, shape `(..., width / 2)`, in the precision of `positions`.

    Raises:
        TypeError: if `width` is no whole number.
        ValueError: if `width` is odd, or `base` is not positive.

    Source:
        Vaswani et al. (2017), section 3.5, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> angles(torch.tensor([0.0, 1.0, 2.0]), width=4)
        tensor([[0.0000, 0.0000],
                [1.0000, 0.0100],
                [2.0000, 0.0200]])
    """
    checks.tensor("positions", positions)
    check_pairs("width", width)
    checks.above_zero("base", base, example=10000.0)
    columns = torch.arange(0, width, 2, dtype=positions.dtype, device=positions.device)
    return positions.unsqueeze(-1) * base ** (-columns / width)


def sinusoids(
    positions: Float[Tensor, "*seq"], width: int, base: float = 10000.0
) -> Float[Tensor, "*seq width"]:
    r"""Return the sine (even columns) and cosine (odd columns) of each clock's angle.

    $$P_{t,2i} = \sin \phi_i(t), \qquad P_{t,2i+1} = \cos \phi_i(t)$$

    Args:
        positions: where, in tokens; any shape, and any sign.
        width: the number of columns D.
        base: sets the slowest wave, as in `angles`.

    Returns:
        The waves P, shape `(..., width)`.

    Raises:
        ValueError: if `width` is odd.

    Source:
        Vaswani et al. (2017), section 3.5, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> sinusoids(torch.tensor([0.0, 1.0]), width=4)
        tensor([[0.0000, 1.0000, 0.0000, 1.0000],
                [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    phi = angles(positions, width, base)
    return torch.stack([phi.sin(), phi.cos()], dim=-1).flatten(-2)


class Sinusoidal(Positions):
    r"""Add fixed waves to the embeddings: $X + P$.

    A shift by k tokens turns each pair of columns by a fixed angle, $P_{t+k} = R_k P_t$, wherever
    t is. The table is no parameter, and `state_dict` leaves it out: it can be recomputed.

    Args:
        d_model: width D of an embedding.
        context_length: number of positions in the table.
        base: sets the slowest wave.

    Raises:
        ValueError: if `d_model` is odd or a size is below 1.

    Source:
        Vaswani et al. (2017), section 3.5, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> Sinusoidal(d_model=4, context_length=8)(torch.zeros(2, 4), torch.tensor([0, 3]))
        tensor([[ 0.0000,  1.0000,  0.0000,  1.0000],
                [ 0.1411, -0.9900,  0.0300,  0.9996]])
    """

    table: Tensor

    def __init__(self, d_model: int, context_length: int, base: float = 10000.0) -> None:
        """Compute the table once, in double precision."""
        super().__init__()
        checks.positive(d_model=d_model, context_length=context_length)
        check_pairs("d_model", d_model)
        table = sinusoids(torch.arange(context_length, dtype=torch.float64), d_model, base)
        self.register_buffer("table", table.to(torch.get_default_dtype()), persistent=False)

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        positions: Int[Tensor, "seq"] | Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Return `x` plus the wave at each of its positions, shape `(..., T, D)`.

        Raises:
            ValueError: if a position has no row in the table, or the shapes do not fit.
        """
        _check_rows(x, positions, self.table)
        return x + self.table[positions]


class Learned(Positions):
    """Add a learned vector for each position to the embeddings.

    Nothing ties neighbors together, and position 8 does not exist for a table of 8 rows.

    Args:
        d_model: width D of an embedding.
        context_length: number of positions in the table.

    Raises:
        ValueError: if a size is below 1.

    Source:
        Gehring et al. (2017), "Convolutional Sequence to Sequence Learning", section 3.1,
        https://doi.org/10.48550/arXiv.1705.03122; the choice of GPT and BERT.

    Example:
        >>> positions = Learned(d_model=64, context_length=8)
        >>> positions(torch.zeros(2, 6, 64), torch.arange(6)).shape
        torch.Size([2, 6, 64])
        >>> sum(p.numel() for p in positions.parameters())
        512
    """

    def __init__(self, d_model: int, context_length: int) -> None:
        """Draw the table."""
        super().__init__()
        checks.positive(d_model=d_model, context_length=context_length)
        self.table = nn.Embedding(context_length, d_model)

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        positions: Int[Tensor, "seq"] | Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Return `x` plus the vector of each of its positions, shape `(..., T, D)`.

        Raises:
            ValueError: if a position has no row in the table, or the shapes do not fit.
        """
        _check_rows(x, positions, self.table.weight)
        return x + self.table(positions)


def check_pairs(name: str, width: int) -> None:
    """Raise a ValueError if the columns do not come in pairs of sine and cosine."""
    checks.positive(**{name: width})
    if width % 2:
        raise ValueError(
            f"{name} is {width}; expected an even number, because the columns come in pairs of "
            f"sine and cosine. Take {width + 1}."
        )


def _check_rows(x: Tensor, positions: Tensor, table: Tensor) -> None:
    """Raise a ValueError unless each token of `x` has one position, and it has a row."""
    context_length, d_model = table.shape
    checks.width("x", x, d_model, "d_model", table)
    check_places(x, positions)
    if torch.compiler.is_compiling() or positions.is_meta or positions.numel() == 0:
        return  # there are no values to look at
    low, high = (edge.item() for edge in positions.aminmax())
    if low < 0 or high >= context_length:
        raise ValueError(
            f"position {low if low < 0 else high} has no row: with context_length={context_length} "
            f"positions run from 0 to {context_length - 1}. Pass fewer tokens at once, or build "
            "the model with a larger context_length."
        )
