"""Multi-head attention: one module for self- and cross-attention, shared heads and a cache."""

from collections.abc import Callable
from math import sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks
from glassbox.attention.arguments import check_mask, check_stream
from glassbox.attention.cache import KeyValueCache, check_cache
from glassbox.attention.functions import attention, fused_attention
from glassbox.attention.heads import HeadList
from glassbox.blank import blank
from glassbox.positions import NoPositions, Positions
from glassbox.tap import Tap


class MultiHeadAttention(nn.Module):
    r"""Several attention heads at once, with one product for all their queries, keys and values.

    $$Q_h = (XW_Q)_h, \quad K_h = (MW_K)_h, \quad V_h = (MW_V)_h, \qquad
    Y = [\operatorname{Attention}(Q_1, K_1, V_1), \dots]\,W_O$$

    The subscript takes the h-th slice of `d_head` columns. M is X itself in self-attention, and
    the memory (the encoder's output) in cross-attention. With fewer key and value heads than query
    heads, several queries share them: grouped-query attention, or multi-query with one.

    Args:
        d_model: width of a token's vector, in and out.
        n_heads: number of query heads; each is `d_model` / `n_heads` wide.
        n_kv_heads: number of key and value heads; as many as query heads if not given.
        causal: whether a token sees only itself and what comes before it.
        positions: a position scheme that acts inside attention; none if not given.
        qk_norm: builds, from `d_head`, the norm of each query and of each key, which keeps scores
            from growing; such as `RMSNorm`. None if not given.
        qkv_bias: whether the projections to queries, keys and values add a learned vector.
        out_bias: whether the output projection does.
        dropout: share of the attention weights, and of the output, set to 0 while training.

    Raises:
        ValueError: if `n_heads` does not divide `d_model`, `n_kv_heads` does not divide `n_heads`,
            or `dropout` is no share.

    Source:
        Vaswani et al. (2017), section 3.2.2, https://doi.org/10.48550/arXiv.1706.03762;
        Shazeer (2019), multi-query, https://doi.org/10.48550/arXiv.1911.02150;
        Ainslie et al. (2023), grouped-query, https://doi.org/10.48550/arXiv.2305.13245;
        Henry et al. (2020), query-key norm, https://doi.org/10.48550/arXiv.2010.04245

    Example:
        >>> layer = MultiHeadAttention(d_model=64, n_heads=4, n_kv_heads=2, causal=True)
        >>> layer(torch.zeros(1, 8, 64)).shape, layer.w_k.weight.shape
        (torch.Size([1, 8, 64]), torch.Size([32, 64]))
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        n_kv_heads: int | None = None,
        causal: bool = False,
        positions: Positions | None = None,
        qk_norm: Callable[[int], nn.Module] | None = None,
        qkv_bias: bool = False,
        out_bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Draw the four projections, in the order query, key, value, output."""
        super().__init__()
        n_kv_heads = n_heads if n_kv_heads is None else n_kv_heads
        checks.positive(d_model=d_model, n_heads=n_heads, n_kv_heads=n_kv_heads)
        checks.divides("d_model", d_model, "n_heads", n_heads)
        checks.divides("n_heads", n_heads, "n_kv_heads", n_kv_heads)
        checks.share(dropout=dropout)
        checks.flags(causal=causal, qkv_bias=qkv_bias, out_bias=out_bias)
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_kv_heads, d_model // n_heads
        self.causal = causal
        self.w_q = nn.Linear(d_model, n_heads * self.d_head, bias=qkv_bias)
        self.w_k = nn.Linear(d_model, n_kv_heads * self.d_head, bias=qkv_bias)
        self.w_v = nn.Linear(d_model, n_kv_heads * self.d_head, bias=qkv_bias)
        self.w_o = nn.Linear(n_heads * self.d_head, d_model, bias=out_bias)
        self.norm_q, self.norm_k = (
            nn.Identity() if qk_norm is None else qk_norm(self.d_head) for _ in range(2)
        )
        self.positions = NoPositions() if positions is None else positions
        _check_positions(self.positions, self.d_head)
        self.dropout = nn.Dropout(dropout)
        self.weights = Tap()

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        memory: Float[Tensor, "batch src d_model"] | None = None,
        *,
        mask: Bool[Tensor, "..."] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the mixed contexts of all heads.

        Args:
            x: the vectors that ask, shape `(B, T, d_model)`.
            memory: the vectors that are asked, shape `(B, S, d_model)`; `x` itself if not given.
            mask: `True` where attention is allowed, shape `(T, S)` or `(B, H, T, S)`, where any
                axis may be 1.
            cache: keys and values of earlier positions; those of `x` are appended to it. Earlier
                tokens never see later ones then, so it belongs to a causal layer.

        Raises:
            ValueError: if a shape does not fit, or `memory` is given to a causal layer, to one
                with positions, or together with a cache: all three suppose a single sequence.
        """
        check_stream("x", x, self.w_q)
        if memory is not None:
            self._check_memory(memory, x, cache)
        source = x if memory is None else memory
        query = self.norm_q(self._split(self.w_q(x), self.n_heads))
        key = self.norm_k(self._split(self.w_k(source), self.n_kv_heads))
        value = self._split(self.w_v(source), self.n_kv_heads)
        start = 0 if cache is None else self._start(cache, mask)
        query, key = self.positions.turn(query, start), self.positions.turn(key, start)
        if mask is not None:  # before the cache takes anything in
            check_mask(mask, (*query.shape[:3], start + key.shape[2]), x.device)
        if cache is not None:
            key, value = cache.append(key, value)
        context = self._attend(query, key, value, mask)
        return self.dropout(self.w_o(self._merge(context)))

    def _split(self, x: Tensor, n_heads: int) -> Tensor:
        """Cut the last axis into heads: `(B, T, H * d)` to `(B, H, T, d)`."""
        return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)

    def _merge(self, context: Tensor) -> Tensor:
        """Put the heads of each token side by side: `(B, H, T, d)` to `(B, T, H * d)`."""
        return context.transpose(1, 2).flatten(2)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Return the context vectors of all heads: shape `(B, H, T, d_head)`."""
        shared = self.n_heads // self.n_kv_heads
        if shared > 1:
            key, value = (part.repeat_interleave(shared, dim=1) for part in (key, value))
        options = {
            "mask": mask,
            "bias": self.positions.bias(query, key),
            "causal": self.causal,
            "scale": 1 / sqrt(self.positions.terms * self.d_head),
            "dropout": self.dropout.p if self.training else 0.0,
        }
        if not self.weights.watched:
            return fused_attention(query, key, value, **options)
        context, weights = attention(query, key, value, **options)
        self.weights.show(weights)
        return context

    def _start(self, cache: KeyValueCache, mask: Tensor | None) -> int:
        """Return how many tokens stand before these, or refuse a cache that cannot be right."""
        check_cache(cache)
        if not self.causal and mask is None:
            raise ValueError(
                "a cache was given to attention with causal=False and without a mask; earlier "
                "tokens would have seen the later ones, which a cache cannot repeat. Expected "
                "causal=True, or a mask that says what each token sees."
            )
        return cache.length

    def extra_repr(self) -> str:
        """Return the sizes that `print(model)` shows."""
        shared = "" if self.n_kv_heads == self.n_heads else f", n_kv_heads={self.n_kv_heads}"
        causal = ", causal=True" if self.causal else ""
        return f"n_heads={self.n_heads}{shared}, d_head={self.d_head}{causal}"

    def _check_memory(self, memory: Tensor, x: Tensor, cache: KeyValueCache | None) -> None:
        """Refuse cross-attention where the settings suppose one sequence."""
        check_stream("memory", memory, self.w_k)
        if len(memory) != len(x):
            raise ValueError(
                f"x holds {len(x)} sequences and memory {len(memory)}; expected one memory for "
                "each sequence."
            )
        unfit = {
            "causal=True": self.causal,
            f"positions={type(self.positions).__name__}": self.positions.seat == "attention",
            "a cache": cache is not None,
        }
        for setting, present in unfit.items():
            if present:
                raise ValueError(
                    f"memory was given to attention with {setting}, which supposes that queries "
                    "and keys stand in one sequence. Build the cross-attention without it."
                )


def _check_positions(positions: Positions, d_head: int) -> None:
    """Refuse what is no position scheme, and schemes that would have no effect here."""
    checks.module("positions", positions, f"Rotary({d_head})")
    if not isinstance(positions, Positions):
        raise TypeError(
            f"positions is of type {type(positions).__name__}; expected a scheme from "
            f"glassbox.positions, such as Rotary({d_head})."
        )
    if type(positions).forward is not Positions.forward and positions.seat == "embeddings":
        raise ValueError(
            f"positions is {type(positions).__name__}, which is added to the embeddings and has no "
            "effect inside attention. Add it before the first block, or expected here: a scheme "
            f"such as Rotary({d_head})."
        )


def fuse(heads: HeadList) -> MultiHeadAttention:
    """Carry the parameters of a list of heads over into one fused module.

    Args:
        heads: the list.

    Returns:
        A `MultiHeadAttention` that computes the same.

    Raises:
        TypeError: if it is no list of heads.

    Example:
        >>> slow = HeadList(d_model=8, n_heads=2, causal=True)
        >>> x = torch.ones(1, 3, 8)
        >>> torch.allclose(fuse(slow)(x), slow(x))
        True
    """
    if not isinstance(heads, HeadList):
        raise TypeError(
            f"heads is of type {type(heads).__name__}; expected a HeadList, whose heads are "
            "separate. A MultiHeadAttention is fused already."
        )
    first = heads.heads[0]
    with blank():  # draws no random numbers
        fused = MultiHeadAttention(
            heads.w_o.in_features,
            heads.n_heads,
            causal=first.causal,
            qkv_bias=first.w_q.bias is not None,
            out_bias=heads.w_o.bias is not None,
            dropout=heads.dropout.p,
        )
    state = {f"w_o.{name}": x.clone() for name, x in heads.w_o.state_dict().items()}
    for role in ("w_q", "w_k", "w_v"):
        parts = [getattr(head, role).state_dict() for head in heads.heads]
        state |= {f"{role}.{name}": torch.cat([p[name] for p in parts]) for name in parts[0]}
    fused.load_state_dict(state, assign=True)
    return fused.train(heads.training)
