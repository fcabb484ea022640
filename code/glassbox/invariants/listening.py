"""Hear the attention of any model, by listening to the operations that PyTorch carries out.

A model need not be ours, and need not say how it is built: whatever code it is written in, in the
end it multiplies queries by keys, takes a softmax and multiplies by values, or calls a fused kernel
that does. Below all modules these operations pass by here, one after the other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from glassbox import masks
from glassbox.invariants.factors import CARRIERS, carry, factor_of

SOFTMAX = {"_softmax", "_safe_softmax", "softmax"}
PRODUCTS = {"bmm", "baddbmm"}


class Heard:
    """One use of attention, as it was heard.

    Attributes:
        query: the queries as they entered the product, shape `(..., T, d_k)`.
        key: the keys, shape `(..., S, d_k)`.
        scale: by what all factors on the way multiplied query times key, before the softmax.
        scores: what entered the softmax, shape `(..., T, S)`; blocked entries are minus infinity,
            or whatever large number the model takes.
        axis: the axis of the softmax, −1 for the keys.
        weights: what multiplied the values; after a fused kernel, what it must have been.
        value: the values, shape `(..., S, d_v)`.
        context: what came out, shape `(..., T, d_v)`.
        fused: whether a fused kernel did it all at once.
    """

    query: Tensor
    key: Tensor
    scale: float
    scores: Tensor
    axis: int
    weights: Tensor
    value: Tensor
    context: Tensor
    fused: bool

    def __init__(self, **parts: Any) -> None:
        """Keep the parts that are known so far."""
        vars(self).update(parts)

    @property
    def complete(self) -> bool:
        """Whether the weights have met their values."""
        return hasattr(self, "context")


class Ear(TorchDispatchMode):
    """Listen to attention while the `with` block runs, and meddle with it if asked to.

    Args:
        open_mask: whether the softmax gets the bare products instead of masked, biased scores.
        silence: whether every context is replaced by zeros.
        push: a list of factors, one for each use of attention, that multiply the products; an
            empty one is filled with factors that bring the largest product to `limit`.
        limit: how large.
    """

    def __init__(
        self,
        *,
        open_mask: bool = False,
        silence: bool = False,
        push: list[float] | None = None,
        limit: float = 65_504.0,
    ) -> None:
        """Start with nothing heard."""
        super().__init__()
        self.heard: list[Heard] = []
        self.open_mask, self.silence, self.limit = open_mask, silence, limit
        self._push = None if push is None else iter(push) if push else push
        self._product: tuple[Tensor, Tensor, Tensor, float] | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep PyTorch from importing its compiler, in seconds, only to step around it."""
        return False

    def __torch_dispatch__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Carry out one operation, and note what it means for attention."""
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if name.startswith("_scaled_dot_product"):
            return self._fused(func, args, kwargs)
        if name in SOFTMAX and self._product is not None:
            return self._softmax(func, args, kwargs)
        out = func(*args, **kwargs)
        if name in PRODUCTS:
            left, right = args[-2:]
            if self._meets_values(left):
                out = self._context(left, right, out)
            else:  # a copy, for scores are often scaled and masked in place
                self._product = (left, right, out.clone(), float(kwargs.get("alpha", 1)))
        if name in CARRIERS:
            carry(name, args, out)
        return out

    def _softmax(self, func: Callable, args: tuple, kwargs: dict) -> Tensor:
        """Note the scores, if they come from a product of queries and keys."""
        left, right, product, alpha = self._product
        entering = args[0]
        if product.numel() != entering.numel() or entering.ndim < 3:
            return func(*args, **kwargs)
        after = alpha * factor_of(entering)
        query = left.reshape(*entering.shape[:-1], left.shape[-1])
        key = right.transpose(-2, -1).reshape(
            *entering.shape[:-2], entering.shape[-1], right.shape[-2]
        )
        bare = product.reshape(entering.shape) * after
        if self.open_mask:
            entering = bare
        if self._push is not None:
            entering = entering + bare * (self._strength(bare) - 1)
        weights = func(entering, *args[1:], **kwargs)
        self._product = None
        self.heard.append(
            Heard(
                query=query,
                key=key,
                scale=after * factor_of(left) * factor_of(right),
                scores=entering,
                axis=args[1] if args[1] < 0 else args[1] - entering.ndim,
                weights=weights,
                fused=False,
            )
        )
        return weights

    def _meets_values(self, left: Tensor) -> bool:
        """Tell whether a product is that of the latest weights with their values."""
        if not self.heard or self.heard[-1].complete:
            return False
        scores = self.heard[-1].scores
        return left.numel() == scores.numel() and left.shape[-1] == scores.shape[-1]

    def _context(self, left: Tensor, right: Tensor, out: Tensor) -> Tensor:
        """Note the context of the latest weights; return it, or zeros."""
        latest = self.heard[-1]
        shape = latest.scores.shape
        if self.open_mask:  # some also put zeros where the mask has blocked
            out = latest.weights.reshape(left.shape) @ right
        if self.silence:
            out = torch.zeros_like(out)
        latest.weights = left.reshape(shape)
        latest.value = right.reshape(*shape[:-2], *right.shape[-2:])
        latest.context = out.reshape(*shape[:-1], out.shape[-1])
        return out

    def _fused(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Note what a fused kernel is given and what it returns."""
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args, strict=False)) | kwargs
        query, key, value = (given[name] for name in names[:3])
        if self.open_mask:
            bare = {"attn_mask": None, "attn_bias": None, "is_causal": False}
            given |= {name: bare[name] for name in bare if name in given}
        inner = given.get("scale")
        inner = 1 / sqrt(query.shape[-1]) if inner is None else inner
        key, value = (_for_each_query_head(part, query) for part in (key, value))
        bare = query @ key.transpose(-2, -1) * inner
        if self._push is not None:
            strength = self._strength(bare)
            given[names[0]], bare = query * strength, bare * strength
        three = [given.pop(name) for name in names[:3]]
        results = func(*three, **given)
        context = results[0] if isinstance(results, tuple) else results
        if self.silence:
            context.zero_()
        scores = _masked(bare, given)
        self.heard.append(
            Heard(
                query=query,
                key=key,
                scale=inner * factor_of(query) * factor_of(key),
                scores=scores,
                axis=-1,
                weights=scores.softmax(-1).nan_to_num(0.0),
                value=value,
                context=context,
                fused=True,
            )
        )
        return results

    def _strength(self, product: Tensor) -> float:
        """Return the factor for this use of attention: a given one, or a new one that is kept."""
        if not isinstance(self._push, list):
            return next(self._push)
        self._push.append(self.limit / max(product.abs().max().item(), 1e-12))
        return self._push[-1]


def _for_each_query_head(part: Tensor, query: Tensor) -> Tensor:
    """Repeat shared key or value heads, once for each of the query heads that share them."""
    return part.repeat_interleave(query.shape[-3] // part.shape[-3], dim=-3)


def _masked(scores: Tensor, given: dict[str, Any]) -> Tensor:
    """Return scores after the masks and biases that a fused kernel was given."""
    if given.get("is_causal"):
        allowed = masks.causal(*scores.shape[-2:], device=scores.device)
        scores = scores.masked_fill(~allowed, -torch.inf)
    for name in ("attn_mask", "attn_bias"):
        extra = given.get(name)
        if extra is not None and extra.dtype == torch.bool:
            scores = scores.masked_fill(~extra, -torch.inf)
        elif extra is not None:
            scores = scores + extra
    return scores


@contextmanager
def without_fast_path() -> Iterator[None]:
    """Have PyTorch's own transformer layers take the same way in evaluation as in training."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
