"""From one vector a token to one vector a sequence."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks
from glassbox.attention import attention


class MeanPooling(nn.Module):
    """Average the vectors of the real tokens.

    Args:
        d_model: width of a vector (not used; every pooling is built alike).

    Source:
        Reimers and Gurevych (2019), "Sentence-BERT", section 3,
        https://doi.org/10.48550/arXiv.1908.10084

    Example:
        >>> states = torch.tensor([[[1.0], [3.0], [100.0]]])
        >>> MeanPooling(1)(states, torch.tensor([[True, True, False]]))
        tensor([[2.]])
    """

    def __init__(self, d_model: int) -> None:
        """Nothing is learned."""
        super().__init__()

    def forward(
        self, states: Float[Tensor, "batch src d_model"], real: Bool[Tensor, "batch src"]
    ) -> Float[Tensor, "batch d_model"]:
        """Return one vector a sequence.

        Args:
            states: shape `(B, S, d_model)`.
            real: `True` for each token that is no padding, shape `(B, S)`.

        Raises:
            TypeError: if `real` is not boolean.
            ValueError: if the shapes do not fit, or a row has no real token to pool.
        """
        _check(states, real)
        total = states.masked_fill(~real[..., None], 0.0).sum(dim=1)
        return total / real.sum(dim=1, keepdim=True)


class MaxPooling(nn.Module):
    """Take the largest value of each feature among the real tokens.

    Args:
        d_model: width of a vector (not used; every pooling is built alike).

    Source:
        Reimers and Gurevych (2019), section 3, https://doi.org/10.48550/arXiv.1908.10084

    Example:
        >>> states = torch.tensor([[[1.0], [3.0], [100.0]]])
        >>> MaxPooling(1)(states, torch.tensor([[True, True, False]]))
        tensor([[3.]])
    """

    def __init__(self, d_model: int) -> None:
        """Nothing is learned."""
        super().__init__()

    def forward(
        self, states: Float[Tensor, "batch src d_model"], real: Bool[Tensor, "batch src"]
    ) -> Float[Tensor, "batch d_model"]:
        """Return one vector a sequence.

        Args:
            states: shape `(B, S, d_model)`.
            real: `True` for each token that is no padding, shape `(B, S)`.

        Raises:
            TypeError: if `real` is not boolean.
            ValueError: if the shapes do not fit, or a row has no real token to pool.
        """
        _check(states, real)
        return states.masked_fill(~real[..., None], -torch.inf).amax(dim=1)


class FirstToken(nn.Module):
    """Take the vector of the first token, which attention has filled from all the others.

    Args:
        d_model: width of a vector (not used; every pooling is built alike).

    Source:
        Devlin et al. (2019), "BERT", section 3 (the token CLS),
        https://doi.org/10.48550/arXiv.1810.04805

    Example:
        >>> FirstToken(1)(torch.tensor([[[1.0], [3.0]]]), torch.ones(1, 2, dtype=torch.bool))
        tensor([[1.]])
    """

    def __init__(self, d_model: int) -> None:
        """Nothing is learned."""
        super().__init__()

    def forward(
        self, states: Float[Tensor, "batch src d_model"], real: Bool[Tensor, "batch src"]
    ) -> Float[Tensor, "batch d_model"]:
        """Return one vector a sequence.

        Args:
            states: shape `(B, S, d_model)`.
            real: `True` for each token that is no padding, shape `(B, S)`.

        Raises:
            TypeError: if `real` is not boolean.
            ValueError: if the shapes do not fit, or a row has no real token to pool.
        """
        _check(states, real, n_first=1)
        return states[:, 0]


class AttentionPooling(nn.Module):
    r"""Let one learned query attend to the real tokens.

    $$c = \operatorname{softmax}(u X^\top / \sqrt{D})\,X$$

    Args:
        d_model: width of a vector, and of the query u.

    Raises:
        ValueError: if `d_model` is below 1.

    Source:
        Yang et al. (2016), "Hierarchical Attention Networks", equations 5 to 7 (there with an
        extra layer before the scores, and without the scale), https://doi.org/10.18653/v1/N16-1174

    Example:
        >>> pooling = AttentionPooling(4)
        >>> pooling(torch.ones(2, 3, 4), torch.ones(2, 3, dtype=torch.bool))[0]
        tensor([1., 1., 1., 1.], grad_fn=<SelectBackward0>)
    """

    def __init__(self, d_model: int) -> None:
        """Draw the query."""
        super().__init__()
        checks.positive(d_model=d_model)
        self.query = nn.Parameter(torch.randn(d_model) / d_model**0.5)

    def forward(
        self, states: Float[Tensor, "batch src d_model"], real: Bool[Tensor, "batch src"]
    ) -> Float[Tensor, "batch d_model"]:
        """Return one vector a sequence.

        Args:
            states: shape `(B, S, d_model)`.
            real: `True` for each token that is no padding, shape `(B, S)`.

        Raises:
            TypeError: if `real` is not boolean.
            ValueError: if the shapes do not fit, or a row has no real token to pool.
        """
        _check(states, real)
        checks.width("states", states, len(self.query), "d_model", self.query)
        query = self.query.expand(len(states), 1, -1)
        return attention(query, states, states, mask=real[:, None, :])[0].squeeze(1)


POOLINGS = {
    "mean": MeanPooling,
    "max": MaxPooling,
    "first": FirstToken,
    "attention": AttentionPooling,
}
"""The poolings, by their names in a configuration."""


def _check(states: Tensor, real: Tensor, n_first: int | None = None) -> None:
    """Raise an error unless there is a real token in each row, among the first ones if so asked."""
    checks.tensor("states", states)
    checks.tensor("real", real)
    if real.dtype != torch.bool:
        raise TypeError(
            f"real holds {real.dtype}; expected torch.bool, True for each token that is no "
            "padding, such as tokens != pad_id."
        )
    if states.ndim != 3 or real.shape != states.shape[:2]:
        raise ValueError(
            f"states has shape {tuple(states.shape)} and real {tuple(real.shape)}; expected "
            "(batch, tokens, d_model) and (batch, tokens)."
        )
    checks.place("real", real, states, "states")
    if torch.compiler.is_compiling() or real.is_meta:
        return  # the values are not known here
    empty = ~real[:, :n_first].any(dim=1)
    if empty.any():
        rows = ", ".join(map(str, empty.nonzero().flatten().tolist()))
        what = "starts with padding" if n_first else "holds nothing but padding"
        raise ValueError(
            f"row {rows} of real {what}, so there is no vector to take. Expected a real token "
            f"{'first, with the padding behind it' if n_first else 'in each row'}."
        )
