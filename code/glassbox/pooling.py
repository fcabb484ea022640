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
        """
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
        """
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
        """
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
        extra layer before the scores), https://doi.org/10.18653/v1/N16-1174

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
        """
        query = self.query.expand(len(states), 1, -1)
        return attention(query, states, states, mask=real[:, None, :])[0].squeeze(1)


POOLINGS = {
    "mean": MeanPooling,
    "max": MaxPooling,
    "first": FirstToken,
    "attention": AttentionPooling,
}
"""The poolings, by their names in a configuration."""
