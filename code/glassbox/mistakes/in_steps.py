"""Attention in four steps, so that a mistake can be made in one of them."""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbox import masks


class InSteps:
    """The explicit formula of `MultiHeadAttention`: scale, mask, softmax, sum.

    It computes what the layer computes, but never by the fused kernel, which leaves no room for a
    mistake. A mistake is a subclass that overrides one step.

    Example:
        >>> from glassbox.attention import MultiHeadAttention
        >>> class Slow(InSteps, MultiHeadAttention):
        ...     '''Attention without a fused kernel.'''
        >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
        <torch._C.Generator ...>
        >>> layer, x = Slow(d_model=8, n_heads=2, causal=True), torch.randn(1, 3, 8)
        >>> slow = layer(x)
        >>> layer.__class__ = MultiHeadAttention
        >>> torch.allclose(slow, layer(x), atol=1e-6)
        True
    """

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Return the context vectors of all heads, and show the weights to whoever watches."""
        shared = self.n_heads // self.n_kv_heads
        key, value = (part.repeat_interleave(shared, dim=1) for part in (key, value))
        scores = query @ key.transpose(-2, -1) * self._scale()
        bias = self.positions.bias(query, key)
        scores = scores if bias is None else scores + bias
        weights = self._weights(scores, self._allowed(scores, mask))
        weights = F.dropout(weights, self.dropout.p, self.training)
        if self.weights.watched:
            self.weights.show(weights)
        return weights @ value

    def _scale(self) -> float:
        """Return the factor on the products of queries and keys."""
        return 1 / sqrt(self.positions.terms * self.d_head)

    def _allowed(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Return where attention is allowed: a shape that broadcasts to that of the scores."""
        if not self.causal:
            return scores.new_ones(1, dtype=torch.bool) if mask is None else mask
        earlier = masks.causal(*scores.shape[-2:], device=scores.device)
        return earlier if mask is None else earlier & mask

    def _weights(self, scores: Tensor, allowed: Tensor) -> Tensor:
        """Return the share of each key; a row that may attend to nothing gets zeros."""
        weights = scores.masked_fill(~allowed, -torch.inf).softmax(dim=-1)
        return weights.masked_fill(~allowed, 0.0)
