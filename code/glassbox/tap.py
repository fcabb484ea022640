"""A place where a tensor can be watched as it passes."""

from torch import Tensor, nn


class Tap(nn.Identity):
    """Pass the input on unchanged, so that a forward hook placed here sees it.

    Attention has a tap for its weights. While nobody watches it, the weights need not exist, and
    the faster fused formula runs.

    Source:
        Nanda and Bloom (2022), "TransformerLens" (there called a hook point),
        https://github.com/TransformerLensOrg/TransformerLens

    Example:
        >>> import torch
        >>> tap = Tap()
        >>> hook = tap.register_forward_hook(lambda module, inputs, output: print(output))
        >>> tap.show(torch.ones(2)), tap.watched
        tensor([1., 1.])
        (None, True)
        >>> hook.remove()
        >>> tap.watched
        False
    """

    @property
    def watched(self) -> bool:
        """Whether a hook waits here."""
        return bool(self._forward_hooks or self._forward_pre_hooks)

    def show(self, tensor: Tensor) -> None:
        """Let the hooks see a tensor.

        Raises:
            ValueError: if a hook returns another tensor, for it would be ignored.
        """
        if self(tensor) is not tensor:
            raise ValueError(
                "a hook on this tap returned another tensor, but here one may only look. To change "
                "what a head does, change the input of its layer's w_o with a forward pre-hook."
            )
