"""Mistakes with the loss, with padding and with the two modes of a model."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbox.losses import Output, cross_entropy


class LabelsNotShifted:
    """Logit t is compared with token t, which the model has just read, not with the next one."""

    def forward(self, tokens: Tensor, targets: Tensor | None = None, **options: Any) -> Output:
        """Put the tokens themselves in place of the targets."""
        targets = None if targets is None else tokens
        return super().forward(tokens, targets, **options)


class LabelsShiftedTwice:
    """The data hold the next tokens already, and the model shifts them once more."""

    def forward(self, tokens: Tensor, targets: Tensor | None = None, **options: Any) -> Output:
        """Compare logit t with the token after the next one."""
        logits, _ = super().forward(tokens, **options)
        if targets is None:
            return Output(logits, None)
        return Output(logits, cross_entropy(logits[:, :-1], targets[:, 1:]))


class SoftmaxTwice:
    """The loss gets probabilities, and takes the softmax of them again."""

    def forward(self, tokens: Tensor, targets: Tensor | None = None, **options: Any) -> Output:
        """Hand the loss what a softmax has flattened already."""
        logits, _ = super().forward(tokens, **options)
        return Output(logits, cross_entropy(logits.softmax(dim=-1), targets))


class MaskDropped:
    """The model takes a mask and never hands it on, so that padding is attended to."""

    def forward(
        self,
        tokens: Tensor,
        targets: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        **options: Any,
    ) -> Output:
        """Lose the mask on the way to the blocks."""
        return super().forward(tokens, targets, **options)


class PaddingIsReal:
    """The padding mask of the encoder allows everything."""

    def padding_mask(self, tokens: Tensor) -> Tensor:
        """Hide nothing."""
        return torch.ones_like(super().padding_mask(tokens))


class DropoutInEvaluation:
    """`F.dropout` is called without `training=self.training`, and its default is True."""

    def forward(self, x: Tensor) -> Tensor:
        """Strike numbers in evaluation as well."""
        return F.dropout(x, self.p)


class StuckInEval:
    """After the first `eval()` nobody calls `train()` again, so dropout is over."""

    def train(self, mode: bool = True) -> nn.Module:
        """Go to evaluation, and never back."""
        return super().train(mode and self.training)
