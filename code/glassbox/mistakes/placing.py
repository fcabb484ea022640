"""Mistakes with positions, and with the cache of keys and values."""

import torch
from torch import Tensor

from glassbox.attention import KeyValueCache


class NothingAdded:
    """The position vectors are made and never added."""

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return the token embeddings alone."""
        return x


class NothingTurned:
    """Queries and keys are not turned."""

    def turn(self, x: Tensor, start: int) -> Tensor:
        """Return them as they are."""
        return x


class NothingBiased:
    """The bias of the distances never reaches the scores."""

    def bias(self, query: Tensor, key: Tensor) -> None:
        """Return nothing to add."""
        return None


class PositionsFromBatch:
    """Positions are counted along the batch: `pe[:x.size(0)]`, with the batch first."""

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Give row b of the batch position b at all its tokens."""
        batch, seq, _ = x.shape
        rows = torch.arange(batch, device=x.device)[:, None]
        return super().forward(x, rows.expand(batch, seq))


class NothingAddedAfterCache:
    """Positions are added to the prompt only, not to the tokens that come after cached ones."""

    def embed(self, tokens: Tensor, positions: Tensor | None = None, start: int = 0) -> Tensor:
        """Forget the positions where something is cached."""
        if start > 0:
            return self.dropout(self.token_embedding(tokens))
        return super().embed(tokens, positions, start)


class NothingTurnedAfterCache:
    """Only the prompt's queries and keys are turned, not those that come after cached ones."""

    def turn(self, x: Tensor, start: int) -> Tensor:
        """Forget the positions where something is cached."""
        return super().turn(x, start) if start == 0 else x


class CountedFromZero:
    """Tokens that come after cached ones get positions counted from 0 again."""

    def embed(self, tokens: Tensor, positions: Tensor | None = None, start: int = 0) -> Tensor:
        """Forget how many tokens stand before these."""
        return super().embed(tokens, positions if start == 0 else None, start=0)


class TurnedFromZero:
    """Queries and keys that come after cached ones are turned as if they stood at the start."""

    def turn(self, x: Tensor, start: int) -> Tensor:
        """Forget how many tokens stand before these."""
        return super().turn(x, 0)


class CacheForgetsFirst:
    """The key and value of the first token are never stored: the cache keeps its zeros there."""

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return the right contexts of a prompt, and leave a wrong cache behind."""
        y = super().forward(x, memory, mask=mask, cache=cache)
        if cache is not None:
            cache.keys[:, :, 0] = cache.values[:, :, 0] = 0.0
        return y
