"""The key-value cache: what generation need not compute twice."""

import torch
from jaxtyping import Float
from torch import Tensor

from glassbox import checks


class KeyValueCache:
    """Room for the keys and values of one attention layer, allocated once and filled from the left.

    A causal model's keys and values of earlier tokens never change, so generating a token takes
    one query against the stored keys instead of a pass over the whole text.

    Args:
        batch: number of sequences.
        n_kv_heads: key and value heads of the layer.
        capacity: number of positions there is room for.
        d_head: width of a key and of a value.
        dtype: floating-point type of the layer.
        device: where the layer lies.

    Raises:
        TypeError: if a size is no whole number, or `dtype` is no floating-point type.
        ValueError: if a size is below 1.

    Source:
        Shazeer (2019), "Fast Transformer Decoding", section 2.4,
        https://doi.org/10.48550/arXiv.1911.02150

    Example:
        >>> cache = KeyValueCache(batch=1, n_kv_heads=2, capacity=8, d_head=4)
        >>> keys, values = cache.append(torch.ones(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))
        >>> cache.length, keys.shape
        (3, torch.Size([1, 2, 3, 4]))
    """

    def __init__(
        self,
        batch: int,
        n_kv_heads: int,
        capacity: int,
        d_head: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        """Allocate the room."""
        checks.positive(batch=batch, n_kv_heads=n_kv_heads, capacity=capacity, d_head=d_head)
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                f"dtype is {dtype}; expected a floating-point type, that of the layer, such as "
                "torch.float32."
            )
        shape = (batch, n_kv_heads, capacity, d_head)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0

    @property
    def capacity(self) -> int:
        """Number of positions there is room for."""
        return self.keys.shape[2]

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads seq d_head"],
        values: Float[Tensor, "batch kv_heads seq d_head"],
    ) -> tuple[
        Float[Tensor, "batch kv_heads src d_head"], Float[Tensor, "batch kv_heads src d_head"]
    ]:
        """Store the keys and values of the next positions.

        Args:
            keys: shape `(batch, n_kv_heads, T, d_head)`.
            values: the same shape.

        Returns:
            All keys and all values so far. They are views, nothing is copied, and no gradient
            flows back through them: a cache is for generation.

        Raises:
            ValueError: if they do not fit the cache, or there is no room for them.
        """
        self._check(keys, values)
        end = self.length + keys.shape[2]
        if end > self.capacity:
            raise ValueError(
                f"the cache has room for {self.capacity} positions; {self.length} are taken and "
                f"{keys.shape[2]} more were given. Make it larger, or crop the text."
            )
        self.keys[:, :, self.length : end] = keys.detach()
        self.values[:, :, self.length : end] = values.detach()
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def _check(self, keys: Tensor, values: Tensor) -> None:
        """Refuse keys and values of another layer, batch, type or device."""
        checks.tensor("keys", keys)
        checks.tensor("values", values)
        batch, n_kv_heads, _, d_head = self.keys.shape
        expected = (batch, n_kv_heads, keys.shape[2] if keys.ndim == 4 else "tokens", d_head)
        same_type = keys.dtype == values.dtype == self.keys.dtype
        if not (keys.shape == values.shape == expected and same_type):
            raise ValueError(
                f"keys {tuple(keys.shape)} of {keys.dtype} and values {tuple(values.shape)} of "
                f"{values.dtype} do not fit this cache, which takes {expected} of "
                f"{self.keys.dtype}. A cache belongs to one layer and one batch: make a new one "
                "for each generation."
            )
        checks.place("keys", keys, self.keys, "this cache")

    def clear(self) -> None:
        """Forget everything, and keep the room."""
        self.length = 0


def check_cache(cache: KeyValueCache) -> KeyValueCache:
    """Return the cache of one layer, or raise a TypeError where it is something else."""
    if not isinstance(cache, KeyValueCache):
        raise TypeError(
            f"cache is of type {type(cache).__name__}; expected the KeyValueCache of this layer. "
            "The list of a whole model goes into the model: model(tokens, caches=...)."
        )
    return cache
