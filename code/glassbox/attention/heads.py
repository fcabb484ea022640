"""One head that learns its queries, keys and values, and many heads as a plain list."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks
from glassbox.attention.arguments import check_mask, check_stream, check_vectors
from glassbox.attention.cache import KeyValueCache
from glassbox.attention.functions import attention, fused_attention
from glassbox.tap import Tap


def simple_self_attention(
    x: Float[Tensor, "*batch seq d_model"],
) -> tuple[Float[Tensor, "*batch seq d_model"], Float[Tensor, "*batch seq seq"]]:
    r"""Let the vectors of a sequence attend to each other as they are, with nothing learned.

    $$A = \operatorname{softmax}(XX^\top), \qquad C = AX$$

    Args:
        x: one vector a token, shape `(..., T, d_model)`.

    Returns:
        The context vectors, the shape of `x`, and the attention weights, shape `(..., T, T)`.

    Raises:
        ValueError: as `attention`.

    Source:
        Raschka (2024), "Build a Large Language Model (From Scratch)", section 3.3,
        https://www.manning.com/books/build-a-large-language-model-from-scratch

    Example:
        >>> simple_self_attention(torch.eye(2))[0]
        tensor([[0.7311, 0.2689],
                [0.2689, 0.7311]])
    """
    check_vectors("x", x)
    return attention(x, x, x, scale=1.0)


class SelfAttention(nn.Module):
    r"""One attention head whose queries, keys and values come from the same sequence.

    $$Q = XW_Q, \quad K = XW_K, \quad V = XW_V, \qquad
    C = \operatorname{softmax}(QK^\top/\sqrt{d_k})\,V$$

    Args:
        d_in: width of a token's vector.
        d_head: width of a query, of a key and of a value.
        bias: whether the three projections add a learned vector.
        causal: whether a token sees only itself and what comes before it.
        dropout: share of the attention weights that are set to 0 while training.

    Raises:
        ValueError: if a width is below 1 or `dropout` is no share.

    Source:
        Vaswani et al. (2017), section 3.2, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> layer = SelfAttention(d_in=3, d_head=2)
        >>> layer(torch.zeros(4, 6, 3)).shape
        torch.Size([4, 6, 2])
    """

    def __init__(
        self,
        d_in: int,
        d_head: int,
        *,
        bias: bool = False,
        causal: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Draw three independent projections, in the order query, key, value."""
        super().__init__()
        checks.positive(d_in=d_in, d_head=d_head)
        checks.flags(bias=bias, causal=causal)
        checks.share(dropout=dropout)
        self.w_q = nn.Linear(d_in, d_head, bias=bias)
        self.w_k = nn.Linear(d_in, d_head, bias=bias)
        self.w_v = nn.Linear(d_in, d_head, bias=bias)
        self.causal = causal
        self.dropout = dropout

    def attend(
        self, x: Float[Tensor, "*batch seq d_in"], *, mask: Bool[Tensor, "..."] | None = None
    ) -> tuple[Float[Tensor, "*batch seq d_head"], Float[Tensor, "*batch seq seq"]]:
        """Return the context vectors and the attention weights of `x`.

        Args:
            x: one vector a token, shape `(..., T, d_in)`.
            mask: `True` where attention is allowed, as `attention` takes it.

        Raises:
            ValueError: if the last axis of `x` is not `d_in`.
        """
        return attention(*self._project(x), mask=mask, **self._options())

    def forward(
        self, x: Float[Tensor, "*batch seq d_in"], *, mask: Bool[Tensor, "..."] | None = None
    ) -> Float[Tensor, "*batch seq d_head"]:
        """Return the context vectors of `x`: shape `(..., T, d_in)` to `(..., T, d_head)`."""
        return fused_attention(*self._project(x), mask=mask, **self._options())

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values."""
        check_vectors("x", x)
        checks.width("x", x, self.w_q.in_features, "d_in", self.w_q.weight)
        return self.w_q(x), self.w_k(x), self.w_v(x)

    def _options(self) -> dict:
        """Return what both forms of the formula are told."""
        return {"causal": self.causal, "dropout": self.dropout if self.training else 0.0}


class HeadList(nn.Module):
    r"""Multi-head self-attention the way it is explained: a list of heads, side by side.

    $$\operatorname{head}_h = \operatorname{Attention}(XW_Q^h, XW_K^h, XW_V^h), \qquad
    Y = [\operatorname{head}_1, \dots, \operatorname{head}_H]\,W_O$$

    `MultiHeadAttention` computes the same with one product for all heads.

    Args:
        d_model: width of a token's vector, in and out.
        n_heads: number of heads; each is `d_model` / `n_heads` wide.
        causal: whether a token sees only itself and what comes before it.
        qkv_bias: whether the projections of the heads add a learned vector.
        out_bias: whether the output projection does.
        dropout: share of the attention weights, and of the output, set to 0 while training.

    Raises:
        ValueError: if `n_heads` does not divide `d_model`, or `dropout` is no share.

    Source:
        Vaswani et al. (2017), section 3.2.2, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> layer = HeadList(d_model=64, n_heads=4)
        >>> layer(torch.zeros(1, 8, 64)).shape, len(layer.heads)
        (torch.Size([1, 8, 64]), 4)
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        causal: bool = False,
        qkv_bias: bool = False,
        out_bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Draw the heads one after the other, then the output projection."""
        super().__init__()
        checks.positive(d_model=d_model, n_heads=n_heads)
        checks.divides("d_model", d_model, "n_heads", n_heads)
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_heads, d_model // n_heads
        options = {"bias": qkv_bias, "causal": causal, "dropout": dropout}
        self.heads = nn.ModuleList(
            SelfAttention(d_model, self.d_head, **options) for _ in range(n_heads)
        )
        self.w_o = nn.Linear(d_model, d_model, bias=out_bias)
        self.dropout = nn.Dropout(dropout)
        self.weights = Tap()

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        *,
        mask: Bool[Tensor, "..."] | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the mixed contexts of all heads.

        Args:
            x: one vector a token, shape `(B, T, d_model)`.
            mask: `True` where attention is allowed, shape `(T, T)` or `(B, H, T, T)`, where any
                axis may be 1.
            cache: not possible here.

        Raises:
            ValueError: if a cache is given, or `x` or `mask` has the wrong shape.
        """
        if cache is not None:
            raise ValueError(
                "a list of heads keeps no cache. Build the model with attention='multi_head'; "
                "fuse(layer) carries the parameters over."
            )
        check_stream("x", x, self.w_o)
        own = self._split_mask(mask, x)
        if self.weights.watched:
            pairs = [head.attend(x, mask=m) for head, m in zip(self.heads, own, strict=True)]
            contexts, weights = zip(*pairs, strict=True)
            self.weights.show(torch.stack(weights, dim=1))
        else:
            contexts = [head(x, mask=m) for head, m in zip(self.heads, own, strict=True)]
        return self.dropout(self.w_o(torch.cat(contexts, dim=-1)))

    def _split_mask(self, mask: Tensor | None, x: Tensor) -> list[Tensor | None]:
        """Return the mask of each head."""
        if mask is None:
            return [None] * self.n_heads
        batch, seq, _ = x.shape
        check_mask(mask, (batch, self.n_heads, seq, seq), x.device)
        if mask.ndim == 2:
            return [mask] * self.n_heads
        return list(mask.expand(-1, self.n_heads, -1, -1).unbind(dim=1))
