"""What a position scheme may do, and the scheme that does nothing."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks


class Positions(nn.Module):
    r"""A scheme that tells a model where its tokens stand; this one leaves everything as it is.

    A model asks its scheme at three places. A scheme overrides the one where it acts:

    $$X \to \texttt{forward}(X), \qquad
    E_{ij} = \frac{\texttt{turn}(q_i) \cdot \texttt{turn}(k_j)}{\sqrt{m\,d_k}}
    + \texttt{bias}_{ij}$$

    Attributes:
        seat: where the scheme acts, `"embeddings"` (once, before the first block) or
            `"attention"` (in every block); it follows from what is overridden.
        terms: the number m of products that are summed in a score; 1 for nearly every scheme.

    Source:
        Dufter, Schmitt and Schütze (2022), "Position Information in Transformers: An Overview",
        section 3, https://doi.org/10.1162/coli_a_00445

    Example:
        >>> class Reversed(Positions):  # a scheme of your own: one method, the rest is inherited
        ...     def forward(self, x, positions):
        ...         return x + torch.linspace(1, 0, x.shape[-2])[:, None]
        >>> Reversed()(torch.zeros(3, 2), torch.arange(3))
        tensor([[1.0000, 1.0000],
                [0.5000, 0.5000],
                [0.0000, 0.0000]])
    """

    seat: Literal["embeddings", "attention"] = "embeddings"
    terms: int = 1

    def __init_subclass__(cls) -> None:
        """Find out at which seat a scheme acts from the methods that it overrides."""
        super().__init_subclass__()
        inside = cls.turn is not Positions.turn or cls.bias is not Positions.bias
        cls.seat = "attention" if inside else "embeddings"

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        positions: Int[Tensor, "seq"] | Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Return the embeddings `x` of tokens at `positions`, unchanged unless overridden.

        Args:
            x: the token embeddings, shape `(..., T, D)`.
            positions: where each token stands, counted from 0, shape `(T,)` or `(B, T)`.

        Returns:
            The embeddings that the first block sees, shape `(..., T, D)`.

        Raises:
            TypeError: if the positions are no whole numbers.
            ValueError: if there is not one for each token.
        """
        check_places(x, positions)
        return x

    def turn(
        self, x: Float[Tensor, "batch heads seq d_head"], start: int
    ) -> Float[Tensor, "batch heads seq d_head"]:
        """Return the queries or keys `x`, unchanged unless overridden.

        Args:
            x: queries or keys of consecutive tokens, shape `(B, H, T, d_head)`.
            start: the position of the first of them; row i stands at `start` + i.

        Returns:
            What the scores are computed from, shape `(B, H, T, d_head)`.
        """
        return x

    def bias(
        self,
        query: Float[Tensor, "batch heads seq d_head"],
        key: Float[Tensor, "batch heads src d_head"],
    ) -> Float[Tensor, "heads seq src"] | Float[Tensor, "batch heads seq src"] | None:
        """Return what is added to the scaled scores: nothing, unless overridden.

        Args:
            query: queries of the last T positions, S − T to S − 1, shape `(B, H, T, d_head)`.
            key: keys of the positions 0 to S − 1, shape `(B, H, S, d_head)`.

        Returns:
            The bias, shape `(H, T, S)` or `(B, H, T, S)`, or `None` for no bias.
        """
        return None


class NoPositions(Positions):
    """Say nothing about positions.

    What is left is the order that a causal mask leaks: token t sees t + 1 tokens.

    Source:
        Haviv et al. (2022), "Transformer Language Models without Positional Encodings Still Learn
        Positional Information", https://doi.org/10.48550/arXiv.2203.16634

    Example:
        >>> x = torch.randn(2, 5, 8)
        >>> NoPositions()(x, torch.arange(5)) is x
        True
    """


def offsets(
    query: Float[Tensor, "*q_batch seq d_q"], key: Float[Tensor, "*k_batch src d_k"]
) -> Int[Tensor, "seq src"]:
    """Return how far each key lies behind each query, i − j; negative where it lies ahead.

    Args:
        query: queries of the last T positions, shape `(..., T, d_k)`; only T is used.
        key: keys of the positions 0 to S − 1, shape `(..., S, d_k)`; only S is used.

    Returns:
        The offsets i − j, in tokens, shape `(T, S)`.

    Raises:
        ValueError: if there are more queries than keys.

    Example:
        >>> offsets(torch.zeros(2, 8), torch.zeros(4, 8))  # queries at positions 2 and 3
        tensor([[ 2,  1,  0, -1],
                [ 3,  2,  1,  0]])
    """
    checks.tensor("query", query)
    checks.tensor("key", key)
    seq, src = query.shape[-2], key.shape[-2]
    if seq > src:
        raise ValueError(
            f"there are {seq} queries but {src} keys; a distance between positions needs both "
            "from one sequence, where each query has a key. In cross-attention use NoPositions()."
        )
    places = torch.arange(src, device=query.device)
    return places[src - seq :, None] - places


def check_places(x: Tensor, positions: Tensor) -> None:
    """Raise an error unless each token of `x` has one position, a whole number."""
    checks.tensor("x", x)
    checks.tensor("positions", positions)
    if positions.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"positions holds {positions.dtype}; expected whole numbers, torch.int64, such as "
            f"torch.arange({x.shape[-2]})."
        )
    # A longer or shorter axis would broadcast without an error where one of the two is 1.
    if positions.shape != x.shape[-1 - positions.ndim : -1]:
        raise ValueError(
            f"positions has shape {tuple(positions.shape)} and x has shape {tuple(x.shape)}; "
            f"expected one position for each token, such as torch.arange({x.shape[-2]})."
        )
    checks.place("positions", positions, x, "x")


def check_heads(query: Tensor, n_heads: int, d_head: int | None = None) -> None:
    """Raise a ValueError unless the queries have the heads that a scheme was built for."""
    if query.ndim < 3 or query.shape[-3] != n_heads or d_head not in (None, query.shape[-1]):
        width = "d_head" if d_head is None else d_head
        raise ValueError(
            f"query has shape {tuple(query.shape)}; expected (batch, {n_heads}, tokens, {width}). "
            f"This scheme was built with n_heads={n_heads}; give the attention layer as many, and "
            "the same d_model."
        )
