"""How a decoder looks back at the source: three modules that score the encoder's states.

Each is called as `context, weights = attend(query, keys, mask)` and tells by `d_context` how wide
its context is. Query and keys are used as they are: the context is a weighted average of the keys.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks
from glassbox.attention import attention


class NoAttention(nn.Module):
    """Look at nothing, so that all that the decoder learns of the source is the state it starts in.

    The context has width 0 and every weight is 0. A decoder that joins the context to its state
    then joins nothing, and needs no second code path.

    Source:
        Sutskever, Vinyals and Le (2014), "Sequence to Sequence Learning with Neural Networks",
        section 2, https://doi.org/10.48550/arXiv.1409.3215

    Example:
        >>> context, weights = NoAttention()(torch.randn(2, 4), torch.randn(2, 5, 4))
        >>> context.shape, weights.sum().item()
        (torch.Size([2, 0]), 0.0)
    """

    d_context = 0

    def forward(
        self,
        query: Float[Tensor, "batch d_query"],
        keys: Float[Tensor, "batch src d_key"],
        mask: Bool[Tensor, "batch src"] | None = None,
    ) -> tuple[Float[Tensor, "batch 0"], Float[Tensor, "batch src"]]:
        """Return a context of width 0, shape `(B, 0)`, and weights of 0, shape `(B, S)`."""
        _check(query, keys, mask)
        return query.new_zeros(query.shape[0], 0), keys.new_zeros(keys.shape[:2])


class DotAttention(nn.Module):
    r"""Score a key by its dot product with the query: no parameters, no scale.

    $$e_j = s \cdot h_j, \qquad a = \operatorname{softmax}(e), \qquad c = \sum_j a_j h_j$$

    This is `attention` of one query, where the keys are the values too and the scale is 1.

    Args:
        d_key: width of a key and of the query.

    Raises:
        ValueError: if the width is less than 1.

    Source:
        Luong, Pham and Manning (2015), "Effective Approaches to Attention-based Neural Machine
        Translation", section 3.1, score "dot", https://doi.org/10.18653/v1/D15-1166

    Example:
        >>> keys = torch.tensor([[[5.0, 0.0], [0.0, 5.0]]])
        >>> context, weights = DotAttention(2)(torch.tensor([[1.0, 0.0]]), keys)
        >>> weights
        tensor([[0.9933, 0.0067]])
    """

    def __init__(self, d_key: int) -> None:
        """Keep the width; there is nothing to learn."""
        super().__init__()
        checks.positive(d_key=d_key)
        self.d_context = d_key

    def forward(
        self,
        query: Float[Tensor, "batch d_key"],
        keys: Float[Tensor, "batch src d_key"],
        mask: Bool[Tensor, "batch src"] | None = None,
    ) -> tuple[Float[Tensor, "batch d_key"], Float[Tensor, "batch src"]]:
        """Return the context and the weights.

        Args:
            query: the decoder's state s, shape `(B, d_key)`.
            keys: the encoder's states h, shape `(B, S, d_key)`.
            mask: `True` where a key may be attended to, shape `(B, S)`. A row without any gets
                zeros.

        Returns:
            The context c, shape `(B, d_key)`, and the weights a, shape `(B, S)`.

        Raises:
            ValueError: if shapes or types do not fit.
        """
        _check(query, keys, mask, self.d_context, self.d_context)
        mask = None if mask is None else mask.unsqueeze(1)
        context, weights = attention(query.unsqueeze(1), keys, keys, mask=mask, scale=1.0)
        return context.squeeze(1), weights.squeeze(1)


class AdditiveAttention(nn.Module):
    r"""Score a key by a small network that sees the query and the key.

    $$e_j = v^\top \tanh(s W + h_j U), \qquad a = \operatorname{softmax}(e), \qquad
    c = \sum_j a_j h_j$$

    The tanh bounds each score by $\sum_i |v_i|$, so larger vectors do not make larger scores
    without end, as they do in a dot product. Query and keys may differ in width. The keys are
    averaged as they are: nothing projects them to values.

    Args:
        d_query: width of the query.
        d_key: width of a key.
        d_attention: width of the layer in between.

    Raises:
        ValueError: if a width is less than 1.

    Source:
        Bahdanau, Cho and Bengio (2015), "Neural Machine Translation by Jointly Learning to Align
        and Translate", equations 5 and 6 and appendix A.1.2,
        https://doi.org/10.48550/arXiv.1409.0473

    Example:
        >>> attend = AdditiveAttention(d_query=4, d_key=3, d_attention=8)
        >>> context, weights = attend(torch.randn(2, 4), torch.randn(2, 5, 3))
        >>> context.shape, weights.shape
        (torch.Size([2, 3]), torch.Size([2, 5]))
    """

    def __init__(self, d_query: int, d_key: int, d_attention: int) -> None:
        """Draw W, U and v, in this order."""
        super().__init__()
        checks.positive(d_query=d_query, d_key=d_key, d_attention=d_attention)
        self.w_q = nn.Linear(d_query, d_attention, bias=False)
        self.w_k = nn.Linear(d_key, d_attention, bias=False)
        self.w_score = nn.Linear(d_attention, 1, bias=False)
        self.d_context = d_key

    def scores(
        self, query: Float[Tensor, "batch d_query"], keys: Float[Tensor, "batch src d_key"]
    ) -> Float[Tensor, "batch src"]:
        """Return the scores e before the softmax.

        Args:
            query: the decoder's state s, shape `(B, d_query)`.
            keys: the encoder's states h, shape `(B, S, d_key)`.

        Raises:
            ValueError: if shapes or types do not fit.
        """
        _check(query, keys, None, self.w_q.in_features, self.w_k.in_features)
        checks.like("query", query, self.w_q.weight)
        checks.like("keys", keys, self.w_k.weight)
        hidden = torch.tanh(self.w_q(query).unsqueeze(1) + self.w_k(keys))
        return self.w_score(hidden).squeeze(-1)

    def forward(
        self,
        query: Float[Tensor, "batch d_query"],
        keys: Float[Tensor, "batch src d_key"],
        mask: Bool[Tensor, "batch src"] | None = None,
    ) -> tuple[Float[Tensor, "batch d_key"], Float[Tensor, "batch src"]]:
        """Return the context and the weights.

        Args:
            query: the decoder's state s, shape `(B, d_query)`.
            keys: the encoder's states h, shape `(B, S, d_key)`.
            mask: `True` where a key may be attended to, shape `(B, S)`. A row without any gets
                zeros.

        Returns:
            The context c, shape `(B, d_key)`, and the weights a, shape `(B, S)`.

        Raises:
            ValueError: if shapes or types do not fit.
        """
        _check(query, keys, mask, self.w_q.in_features, self.w_k.in_features)
        scores = self.scores(query, keys)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = torch.softmax(scores, dim=-1)
        if mask is not None:  # a row without any key came out as 0 / 0
            weights = weights.masked_fill(~mask, 0.0)
        return torch.einsum("bs,bsd->bd", weights, keys), weights


def _check(
    query: Tensor,
    keys: Tensor,
    mask: Tensor | None,
    d_query: int | None = None,
    d_key: int | None = None,
) -> None:
    """Raise a ValueError where a query, its keys and their mask do not fit together."""
    checks.tensor("query", query)
    checks.tensor("keys", keys)
    if query.ndim != 2 or d_query not in (None, query.shape[-1]):
        raise ValueError(
            f"query has shape {tuple(query.shape)}; expected (batch, {d_query or 'd_query'}), the "
            "decoder's state at one step."
        )
    if keys.ndim != 3 or d_key not in (None, keys.shape[-1]):
        raise ValueError(
            f"keys has shape {tuple(keys.shape)}; expected (batch, source, {d_key or 'd_key'}), "
            "the encoder's states."
        )
    if query.shape[0] != keys.shape[0]:
        raise ValueError(
            f"there are {query.shape[0]} queries and {keys.shape[0]} sequences of keys; expected "
            "one query for each sequence of the batch."
        )
    if mask is None:
        return
    checks.tensor("mask", mask)
    if mask.dtype != torch.bool or mask.shape != keys.shape[:2]:
        raise ValueError(
            f"mask has shape {tuple(mask.shape)} and holds {mask.dtype}; expected one boolean for "
            f"each key, shape {tuple(keys.shape[:2])}, True where it may be attended to."
        )
