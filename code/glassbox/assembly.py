"""From a configuration to parts: which class each name stands for, put together into blocks."""

from torch import nn

from glassbox.attention import HeadList, MultiHeadAttention
from glassbox.block import RESIDUALS, Block, CrossBlock
from glassbox.config import TransformerConfig
from glassbox.feedforward import FEED_FORWARDS
from glassbox.norms import NORMS
from glassbox.positions import Positions


def build_attention(
    config: TransformerConfig, positions: Positions, *, causal: bool
) -> MultiHeadAttention | HeadList:
    """Return the self-attention that a configuration describes.

    Args:
        config: its sizes and `attention`.
        positions: the position scheme of the model; it reaches the attention only if its seat is
            there.
        causal: whether a token sees only itself and what comes before it.

    Example:
        >>> config = TransformerConfig(
        ...     vocab_size=65, context_length=8, d_model=64, n_heads=4, n_layers=1
        ... )
        >>> build_attention(config, Positions(), causal=True).n_heads
        4
    """
    options = {
        "causal": causal,
        "qkv_bias": config.qkv_bias,
        "out_bias": config.bias,
        "dropout": config.dropout,
    }
    if config.attention == "head_list":
        return HeadList(config.d_model, config.n_heads, **options)
    inside = positions if positions.seat == "attention" else None
    options |= {"n_kv_heads": config.n_kv_heads, "positions": inside}
    options["qk_norm"] = NORMS[config.norm] if config.qk_norm else None
    return MultiHeadAttention(config.d_model, config.n_heads, **options)


def build_feed_forward(config: TransformerConfig) -> nn.Module:
    """Return the feed-forward network that a configuration describes.

    Args:
        config: its sizes and `feed_forward`.

    Example:
        >>> config = TransformerConfig(
        ...     vocab_size=65, context_length=8, d_model=64, n_heads=4, n_layers=1
        ... )
        >>> import torch
        >>> build_feed_forward(config)(torch.zeros(1, 8, 64)).shape
        torch.Size([1, 8, 64])
    """
    build = FEED_FORWARDS[config.feed_forward]
    width = config.feed_forward_width
    return build(config.d_model, width, bias=config.bias, dropout=config.dropout)


def build_blocks(config: TransformerConfig, positions: Positions, *, causal: bool) -> nn.ModuleList:
    """Return `n_layers` blocks of attention and feed-forward network.

    Args:
        config: the sizes and parts.
        positions: the position scheme of the model, shared by all blocks.
        causal: whether a token sees only itself and what comes before it.

    Example:
        >>> config = TransformerConfig(
        ...     vocab_size=65, context_length=8, d_model=64, n_heads=4, n_layers=3
        ... )
        >>> len(build_blocks(config, Positions(), causal=True))
        3
    """
    norm = NORMS[config.norm]
    return nn.ModuleList(
        Block(
            build_attention(config, positions, causal=causal),
            build_feed_forward(config),
            norm(config.d_model),
            norm(config.d_model),
            residual=RESIDUALS[config.residual],
        )
        for _ in range(config.n_layers)
    )


def build_cross_blocks(
    config: TransformerConfig, positions: Positions, *, causal: bool
) -> nn.ModuleList:
    """Return `n_layers` blocks that also attend to an encoder's output.

    Args:
        config: the sizes and parts.
        positions: the position scheme of the target, shared by all blocks; none acts between
            target and source.
        causal: whether a target token sees only itself and what comes before it.

    Example:
        >>> config = TransformerConfig(
        ...     vocab_size=65, context_length=8, d_model=64, n_heads=4, n_layers=2
        ... )
        >>> len(build_cross_blocks(config, Positions(), causal=True))
        2
    """
    norm = NORMS[config.norm]
    between = {
        "n_kv_heads": config.n_kv_heads,
        "qkv_bias": config.qkv_bias,
        "out_bias": config.bias,
        "dropout": config.dropout,
    }
    return nn.ModuleList(
        CrossBlock(
            build_attention(config, positions, causal=causal),
            MultiHeadAttention(config.d_model, config.n_heads, **between),
            build_feed_forward(config),
            [norm(config.d_model) for _ in range(3)],
            residual=RESIDUALS[config.residual],
        )
        for _ in range(config.n_layers)
    )


def build_final_norm(config: TransformerConfig) -> nn.Module:
    """Return the norm after the last block: post-norm blocks have done it already.

    Args:
        config: its `norm` and `residual`.

    Example:
        >>> config = TransformerConfig(
        ...     vocab_size=65, context_length=8, d_model=64, n_heads=4, n_layers=1, residual="post"
        ... )
        >>> build_final_norm(config)
        Identity()
    """
    return NORMS[config.norm](config.d_model) if config.residual == "pre" else nn.Identity()
