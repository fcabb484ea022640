"""Mistakes with the softmax, the scale, the projections and the heads of attention."""

from math import sqrt

import torch
from torch import Tensor, nn

from glassbox.mistakes.in_steps import InSteps


class SoftmaxOverQueries(InSteps):
    """The softmax runs over the wrong axis: each key's weights sum to 1, not each query's."""

    def _weights(self, scores: Tensor, allowed: Tensor) -> Tensor:
        """Share each key out among the queries."""
        weights = scores.masked_fill(~allowed, -torch.inf).softmax(dim=-2)
        return weights.masked_fill(~allowed, 0.0)


class Unscaled(InSteps):
    """The scores are not divided by the square root of the head's width."""

    def _scale(self) -> float:
        """Leave the products as large as they are."""
        return 1.0


class ScaledByModelWidth(InSteps):
    """The scores are divided by the square root of the model's width, not of the head's."""

    def _scale(self) -> float:
        """Make the scores smaller than they should be, by the square root of the heads."""
        return 1 / sqrt(self.n_heads * self.d_head)


class SharedProjection:
    """The keys are computed by the matrix of the queries: a line was copied, one letter stayed."""

    @property
    def w_k(self) -> nn.Module:
        """The wrong matrix."""
        return self.w_q


class SplitByView:
    """The heads are cut by `view` alone, which deals columns of several tokens to each head."""

    def _split(self, x: Tensor, n_heads: int) -> Tensor:
        """Get the right shape without the transpose."""
        batch, seq, width = x.shape
        return x.reshape(batch, n_heads, seq, width // n_heads)


class MergedByView:
    """The heads are joined without the transpose, so a token gets parts of other tokens."""

    def _merge(self, context: Tensor) -> Tensor:
        """Get the right shape from the wrong order."""
        batch, n_heads, seq, d_head = context.shape
        return context.reshape(batch, seq, n_heads * d_head)
