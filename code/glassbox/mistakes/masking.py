"""Mistakes with the causal mask."""

import torch
from torch import Tensor

from glassbox.mistakes.in_steps import InSteps


class NoMask(InSteps):
    """Every token sees every other, as in an encoder: the causal mask was never applied."""

    def _allowed(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Forget that the layer is causal."""
        return scores.new_ones(1, dtype=torch.bool) if mask is None else mask


class MaskOffByOne(InSteps):
    """The diagonal of the mask is shifted by one, so each token sees the one that it predicts."""

    def _allowed(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Keep one diagonal too many."""
        seq, src = scores.shape[-2:]
        ones = scores.new_ones(seq, src, dtype=torch.bool)
        earlier = ones.tril(diagonal=src - seq + 1)
        return earlier if mask is None else earlier & mask


class MaskAfterSoftmax(InSteps):
    """Future weights are set to 0 after the softmax, whose sum has counted them already."""

    def _weights(self, scores: Tensor, allowed: Tensor) -> Tensor:
        """Mask what should have been masked before."""
        return scores.softmax(dim=-1).masked_fill(~allowed, 0.0)


class MaskSwapped(InSteps):
    """True is taken for 'blocked', as in another library, where it means 'allowed'."""

    def _allowed(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Turn the mask inside out."""
        return ~super()._allowed(scores, mask)


class FiniteMask(InSteps):
    """A blocked score is set to -10,000 instead of minus infinity."""

    def _weights(self, scores: Tensor, allowed: Tensor) -> Tensor:
        """Suppose that no score is as low as that, and that every row has a key."""
        return scores.masked_fill(~allowed, -10_000.0).softmax(dim=-1)
