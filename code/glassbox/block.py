"""Transformer blocks: attention and a feed-forward network around a residual stream."""

from collections.abc import Callable
from inspect import signature
from reprlib import repr as short
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks
from glassbox.attention import KeyValueCache

Residual = Callable[[Tensor, Callable[[Tensor], Tensor], nn.Module], Tensor]


def pre_norm(x: Tensor, sublayer: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
    r"""Add to the stream what the sublayer makes of the normalized stream.

    $$y = x + f(\operatorname{norm}(x))$$

    Nothing stands between x and y: the stream passes every block as it is.

    Args:
        x: the residual stream, shape `(B, T, d_model)`.
        sublayer: attention or the feed-forward network, the function f.
        norm: LayerNorm or RMSNorm.

    Returns:
        The stream after the sublayer, the shape of `x`.

    Source:
        Xiong et al. (2020), "On Layer Normalization in the Transformer Architecture", table 1,
        https://doi.org/10.48550/arXiv.2002.04745

    Example:
        >>> import torch
        >>> pre_norm(torch.ones(2), lambda h: 2 * h, nn.Identity())
        tensor([3., 3.])
    """
    return x + sublayer(norm(x))


def post_norm(x: Tensor, sublayer: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
    r"""Normalize the sum of the stream and of what the sublayer makes of it.

    $$y = \operatorname{norm}(x + f(x))$$

    Args:
        x: the residual stream, shape `(B, T, d_model)`.
        sublayer: attention or the feed-forward network, the function f.
        norm: LayerNorm or RMSNorm.

    Returns:
        The stream after the sublayer, the shape of `x`.

    Source:
        Vaswani et al. (2017), section 3.1 ("Add & Norm"),
        https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> import torch
        >>> post_norm(torch.ones(2), lambda h: 2 * h, nn.Identity())
        tensor([3., 3.])
    """
    return norm(x + sublayer(x))


RESIDUALS: dict[str, Residual] = {"pre": pre_norm, "post": post_norm}
"""The two ways to place a norm, by their names in a configuration."""


class Block(nn.Module):
    """One layer of a transformer: tokens exchange information, then each is worked on alone.

    The parts are handed in, so that any attention, feed-forward network, norm and placement of the
    norm make a block.

    Args:
        attention: called with the stream, `mask` and `cache`.
        feed_forward: called with the stream.
        norm_1: the norm of the attention.
        norm_2: the norm of the feed-forward network.
        residual: `pre_norm`, `post_norm` or a function like them.

    Raises:
        TypeError: if a part is no module, or cannot be called as a block does.

    Source:
        Vaswani et al. (2017), figure 1, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> import torch
        >>> from glassbox.attention import MultiHeadAttention
        >>> from glassbox.feedforward import FeedForward
        >>> from glassbox.norms import LayerNorm
        >>> attention = MultiHeadAttention(64, n_heads=4, causal=True)
        >>> feed_forward = FeedForward(64, 256, nn.ReLU())
        >>> block = Block(attention, feed_forward, LayerNorm(64), LayerNorm(64))
        >>> block(torch.zeros(1, 8, 64)).shape, sum(p.numel() for p in block.parameters())
        (torch.Size([1, 8, 64]), 49792)
    """

    def __init__(
        self,
        attention: nn.Module,
        feed_forward: nn.Module,
        norm_1: nn.Module,
        norm_2: nn.Module,
        *,
        residual: Residual = pre_norm,
    ) -> None:
        """Keep the parts."""
        super().__init__()
        _check_parts(residual, feed_forward=feed_forward, norm_1=norm_1, norm_2=norm_2)
        _check_attention("attention", attention, "x", mask=None, cache=None)
        self.attention = attention
        self.feed_forward = feed_forward
        self.norm_1 = norm_1
        self.norm_2 = norm_2
        self.residual = residual

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        *,
        mask: Bool[Tensor, "..."] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the residual stream after this block.

        Args:
            x: the residual stream, shape `(B, T, d_model)`.
            mask: `True` where attention is allowed, shape `(T, T)` or `(B, H, T, T)`.
            cache: keys and values of earlier positions.
        """
        x = self.residual(x, lambda h: self.attention(h, mask=mask, cache=cache), self.norm_1)
        return self.residual(x, self.feed_forward, self.norm_2)


class CrossBlock(nn.Module):
    """One layer of a decoder that also reads a memory: the output of an encoder.

    Args:
        attention: attention among the target's own tokens, as in `Block`.
        cross_attention: called with the stream, the memory and `mask`.
        feed_forward: called with the stream.
        norms: one for each of the three, in this order.
        residual: `pre_norm`, `post_norm` or a function like them.

    Raises:
        TypeError: if a part is no module, or cannot be called as a block does.
        ValueError: if there are not three norms.

    Source:
        Vaswani et al. (2017), figure 1, right half, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> import torch
        >>> from glassbox.attention import MultiHeadAttention
        >>> from glassbox.feedforward import FeedForward
        >>> from glassbox.norms import LayerNorm
        >>> own, cross = MultiHeadAttention(16, 4, causal=True), MultiHeadAttention(16, 4)
        >>> norms = [LayerNorm(16) for _ in range(3)]
        >>> block = CrossBlock(own, cross, FeedForward(16, 64, nn.ReLU()), norms)
        >>> block(torch.zeros(2, 7, 16), torch.zeros(2, 5, 16)).shape
        torch.Size([2, 7, 16])
    """

    def __init__(
        self,
        attention: nn.Module,
        cross_attention: nn.Module,
        feed_forward: nn.Module,
        norms: list[nn.Module],
        *,
        residual: Residual = pre_norm,
    ) -> None:
        """Keep the parts."""
        super().__init__()
        norms = list(norms) if isinstance(norms, list | tuple | nn.ModuleList) else [norms]
        if len({id(norm) for norm in norms}) != 3 or len(norms) != 3:
            raise ValueError(
                f"there are {len(norms)} norms, {len({id(norm) for norm in norms})} of them "
                "distinct; expected 3, each built on its own: [LayerNorm(64) for _ in range(3)]."
            )
        named = {f"norm_{place}": norm for place, norm in enumerate(norms, start=1)}
        _check_parts(residual, feed_forward=feed_forward, **named)
        _check_attention("attention", attention, "x", mask=None, cache=None)
        _check_attention("cross_attention", cross_attention, "x", "memory", mask=None)
        self.attention = attention
        self.cross_attention = cross_attention
        self.feed_forward = feed_forward
        self.norm_1, self.norm_2, self.norm_3 = norms
        self.residual = residual

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        memory: Float[Tensor, "batch src d_model"],
        *,
        mask: Bool[Tensor, "..."] | None = None,
        memory_mask: Bool[Tensor, "..."] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the residual stream after this block.

        Args:
            x: the residual stream of the target, shape `(B, T, d_model)`.
            memory: the encoder's output, shape `(B, S, d_model)`.
            mask: `True` where target tokens may attend to target tokens.
            memory_mask: `True` where target tokens may attend to source tokens, shape
                `(B, 1, 1, S)` for padding.
            cache: keys and values of earlier target positions.

        Raises:
            TypeError: if there is no memory.
        """
        checks.tensor("memory", memory)
        x = self.residual(x, lambda h: self.attention(h, mask=mask, cache=cache), self.norm_1)
        x = self.residual(
            x, lambda h: self.cross_attention(h, memory, mask=memory_mask), self.norm_2
        )
        return self.residual(x, self.feed_forward, self.norm_3)


def _check_parts(residual: Residual, **modules: nn.Module) -> None:
    """Refuse parts that are no modules, and a residual that is no function."""
    for name, module in modules.items():
        checks.module(
            name, module, "LayerNorm(64)" if "norm" in name else "FeedForward(64, 256, ...)"
        )
    if not callable(residual) or isinstance(residual, nn.Module | type):
        raise TypeError(
            f"residual is {short(residual)}; expected a function of x, sublayer and norm, such as "
            "pre_norm or post_norm from glassbox.block."
        )


def _check_attention(name: str, module: nn.Module, *inputs: Any, **options: Any) -> None:
    """Refuse an attention that cannot be called as a block calls it."""
    checks.module(name, module, "MultiHeadAttention(64, n_heads=4)")
    try:
        signature(module.forward).bind(*inputs, **options)
    except TypeError as reason:
        call = ", ".join([*inputs, *(f"{option}=..." for option in options)])
        raise TypeError(
            f"{name} is of type {type(module).__name__} and cannot be called as {name}({call}): "
            f"{reason}. Expected a layer such as MultiHeadAttention; are the parts in order?"
        ) from None
