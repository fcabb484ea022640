"""What every transformer here has in common: tokens become vectors and pass through blocks."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.assembly import build_final_norm
from glassbox.attention import KeyValueCache
from glassbox.config import TransformerConfig
from glassbox.positions import NoPositions, build_positions


class Transformer(nn.Module):
    """Token embedding, positions, blocks and a final norm: the trunk of every model.

    Args:
        config: the sizes and parts.
        build: makes the blocks: `build_blocks` or `build_cross_blocks`.
        causal: whether tokens attend only backward (some position schemes differ then).

    Raises:
        ValueError: if the settings do not fit together.

    Source:
        Vaswani et al. (2017), figure 1, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> isinstance(GPT(preset("character")), Transformer)
        True
    """

    def __init__(
        self,
        config: TransformerConfig,
        build: Callable[..., nn.ModuleList],
        *,
        causal: bool,
    ) -> None:
        """Draw the embedding, then the positions, then the blocks from first to last."""
        super().__init__()
        checks.config(config, TransformerConfig)
        self.config = config
        scheme = build_positions(config.positions, config, causal=causal)
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = scheme if scheme.seat == "embeddings" else NoPositions()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = build(config, scheme, causal=causal)
        self.norm = build_final_norm(config)

    def embed(
        self,
        tokens: Int[Tensor, "batch seq"],
        positions: Int[Tensor, "*batch seq"] | None = None,
        start: int = 0,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the residual stream before the first block.

        Args:
            tokens: token ids, shape `(B, T)`.
            positions: where each token stands, shape `(T,)` or `(B, T)`; counted from `start` if
                not given.
            start: how many tokens stand before these, in a cache.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: if an id is out of range, or there are more tokens than the context holds.
        """
        checks.tokens("tokens", tokens, self.config.vocab_size, self.token_embedding.weight)
        seq, limit = tokens.shape[1], self.config.context_length
        if start + seq > limit:
            given = f"{start} tokens in the cache and {seq} new ones" if start else f"{seq} tokens"
            raise ValueError(
                f"{given} were given, but the context holds {limit}. Keep the last ones, "
                f"tokens[:, -{limit}:], or build the model with a larger context_length."
            )
        if positions is None:
            positions = torch.arange(start, start + seq, device=tokens.device)
        return self.dropout(self.positions(self.token_embedding(tokens), positions))

    def new_caches(self, batch: int, capacity: int | None = None) -> list[KeyValueCache]:
        """Return an empty key-value cache for each block.

        Args:
            batch: number of sequences.
            capacity: number of positions to make room for; `context_length` if not given.
        """
        room = self.config.context_length if capacity is None else capacity
        layers = [block.attention for block in self.blocks]
        weight = self.token_embedding.weight
        kind = weight.device.type
        autocast = torch.is_autocast_enabled(kind)
        dtype = torch.get_autocast_dtype(kind) if autocast else weight.dtype
        place = {"dtype": dtype, "device": weight.device}
        return [KeyValueCache(batch, a.n_kv_heads, room, a.d_head, **place) for a in layers]

    def _pair(
        self, caches: Sequence[KeyValueCache] | None
    ) -> list[tuple[nn.Module, KeyValueCache | None]]:
        """Return each block with its cache, or with None.

        Raises:
            TypeError: if these are no caches.
            ValueError: if there is not one cache for each block, all equally full.
        """
        if caches is None:
            return [(block, None) for block in self.blocks]
        _check_caches(caches, len(self.blocks))
        return list(zip(self.blocks, caches, strict=True))


def cached(caches: Sequence[KeyValueCache] | None) -> int:
    """Return how many positions the caches hold already.

    Args:
        caches: one for each block, or None.

    Example:
        >>> cached(None)
        0
    """
    return caches[0].length if caches else 0


def _check_caches(caches: Sequence[KeyValueCache], n_blocks: int) -> None:
    """Raise an error unless there is one cache for each block, and all are equally full."""
    fix = "Make them with model.new_caches(batch)."
    items = caches if isinstance(caches, list | tuple) else [caches]
    if items is not caches or not all(isinstance(cache, KeyValueCache) for cache in items):
        raise TypeError(
            f"caches holds {sorted({type(cache).__name__ for cache in items})}; expected a list of "
            f"{n_blocks} KeyValueCache, one for each block. {fix}"
        )
    if len(caches) != n_blocks:
        raise ValueError(
            f"there are {len(caches)} caches for {n_blocks} blocks; expected one each. {fix}"
        )
    distinct = len({id(cache) for cache in caches})
    if distinct < n_blocks:
        raise ValueError(
            f"only {distinct} of the {n_blocks} caches are distinct; expected one of its own for "
            f"each block. {fix}"
        )
    lengths = [cache.length for cache in caches]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"the caches hold {lengths} positions; expected the same number in each, for every "
            f"block has seen the same tokens. {fix}"
        )
