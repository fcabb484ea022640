"""Mistakes in the parts of a block, and with a head that is the embedding table."""

import torch
from torch import Tensor

from glassbox.attention import KeyValueCache
from glassbox.block import post_norm


class NoResidual:
    """What attention finds takes the place of the stream, instead of being added to it."""

    def forward(
        self, x: Tensor, *, mask: Tensor | None = None, cache: KeyValueCache | None = None
    ) -> Tensor:
        """Leave out the first `x +`."""
        if self.residual is post_norm:
            x = self.norm_1(self.attention(x, mask=mask, cache=cache))
        else:
            x = self.attention(self.norm_1(x), mask=mask, cache=cache)
        return self.residual(x, self.feed_forward, self.norm_2)


class UnbiasedVariance:
    """The variance is the sum of squares divided by D - 1, as `x.var(-1)` does unless told."""

    def forward(self, x: Tensor) -> Tensor:
        """Divide by a deviation that is a little too large."""
        center = x - x.mean(-1, keepdim=True)
        y = center / torch.sqrt(x.var(-1, keepdim=True) + self.eps) * self.weight
        return y if self.bias is None else y + self.bias


class EpsilonOutside:
    """Epsilon is added to the standard deviation, not to the variance under the root."""

    def forward(self, x: Tensor) -> Tensor:
        """Divide by the root, and only then think of constant vectors."""
        center = x - x.mean(-1, keepdim=True)
        y = center / (x.std(-1, correction=0, keepdim=True) + self.eps) * self.weight
        return y if self.bias is None else y + self.bias


class TiedHead:
    """The head is the embedding table, whose numbers have a standard deviation of 1."""

    def planted(self) -> None:
        """Tie the two, which need a table as small as GPT-2's."""
        self.__dict__["untied"] = self.head.weight
        self.head.weight = self.token_embedding.weight

    def mended(self) -> None:
        """Give the head its own matrix back, on the device where the model is by now."""
        own = self.__dict__.pop("untied")
        own.data = own.data.to(self.head.weight)
        self.head.weight = own
