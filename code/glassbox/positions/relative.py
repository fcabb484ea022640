"""Relative positions with vectors of their own: content and position meet inside the score."""

from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.positions.added import check_pairs, sinusoids
from glassbox.positions.base import Positions, check_heads, offsets


class TransformerXL(Positions):
    r"""Score the distance by its wave, and let every head prefer some keys and some distances.

    $$E_{ij} = \frac{q_i \cdot k_j + q_i \cdot W_R r_{i-j} + u \cdot k_j + v \cdot W_R r_{i-j}}
    {\sqrt{d_k}}$$

    The first term is attention's own; `bias` returns the other three: how the query likes the
    distance, how the head likes the key, and how the head likes the distance. The waves
    $r_{i-j}$ are those of `sinusoids`, which keep the sign of the distance. W_R, u and v are
    learned, one u and one v for each head; u and v start at zero. All blocks of a model share them;
    in the paper, W_R is each layer's own.

    Args:
        d_model: width D of a wave.
        n_heads: number of heads H.

    Raises:
        ValueError: if `d_model` is odd or does not split into `n_heads`.

    Source:
        Dai et al. (2019), "Transformer-XL: Attentive Language Models Beyond a Fixed-Length
        Context", section 3.3, https://doi.org/10.48550/arXiv.1901.02860

    Example:
        >>> positions = TransformerXL(d_model=8, n_heads=2)
        >>> positions.bias(torch.randn(3, 2, 1, 4), torch.randn(3, 2, 6, 4)).shape
        torch.Size([3, 2, 1, 6])
    """

    def __init__(self, d_model: int, n_heads: int) -> None:
        """Draw W_R; u and v start at zero."""
        super().__init__()
        checks.positive(d_model=d_model, n_heads=n_heads)
        checks.divides("d_model", d_model, "n_heads", n_heads)
        check_pairs("d_model", d_model)
        self.n_heads = n_heads
        self.d_head = d_model // n_heads
        self.w_r = nn.Linear(d_model, d_model, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(n_heads, 1, self.d_head))
        self.position_bias = nn.Parameter(torch.zeros(n_heads, 1, self.d_head))

    def bias(
        self,
        query: Float[Tensor, "batch heads seq d_head"],
        key: Float[Tensor, "batch heads src d_head"],
    ) -> Float[Tensor, "batch heads seq src"]:
        """Return what is added to the scaled scores, shape `(B, H, T, S)`.

        Raises:
            ValueError: if the heads or their width are not those that the scheme was built for,
                or there are more queries than keys.
        """
        check_heads(query, self.n_heads, self.d_head)
        offset = offsets(query, key)
        seq, src = offset.shape
        keys_of_offsets = _heads(self.w_r(self._waves(1 - seq, src)), self.n_heads)
        content = self.content_bias @ key.transpose(-2, -1)
        position = (query + self.position_bias) @ keys_of_offsets.transpose(-2, -1)
        bias = (content + _pick(position, offset + seq - 1)) / sqrt(self.d_head)
        return bias.to(query.dtype)

    def _waves(self, start: int, stop: int) -> Float[Tensor, "distances d_model"]:
        """Return the waves of the distances from `start` up to, but not including, `stop`."""
        weight = self.w_r.weight
        precision = torch.promote_types(weight.dtype, torch.float32)
        distances = torch.arange(start, stop, dtype=precision, device=weight.device)
        return sinusoids(distances, self.w_r.in_features).to(weight.dtype)


class DeBERTa(Positions):
    r"""Let content look for positions, and positions look for content.

    $$E_{ij} = \frac{q_i \cdot k_j + q_i \cdot k^r_{\delta(i,j)} + k_j \cdot q^r_{\delta(j,i)}}
    {\sqrt{3\,d_k}}, \qquad \delta(i,j) = \operatorname{clip}(i - j + k,\; 0,\; 2k - 1)$$

    The first term is attention's own; `bias` returns the other two. The 2k distances have learned
    vectors P, and $k^r$ and $q^r$ are the rows of $PW_{K,r}$ and $PW_{Q,r}$. All distances of k
    and more share a row. (Hugging Face's code looks up δ(i, j) in the third term as well; this
    follows the paper.)

    Args:
        d_model: width D of a distance's vector.
        n_heads: number of heads H.
        max_distance: the distance k at which distances are clipped, in tokens.

    Raises:
        ValueError: if a size is below 1, or `d_model` does not split into `n_heads`.

    Source:
        He et al. (2020), "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", equations
        3 and 4, https://doi.org/10.48550/arXiv.2006.03654

    Example:
        >>> positions = DeBERTa(d_model=8, n_heads=2, max_distance=4)
        >>> positions.bias(torch.randn(3, 2, 1, 4), torch.randn(3, 2, 6, 4)).shape
        torch.Size([3, 2, 1, 6])
        >>> positions.terms
        3
    """

    terms = 3

    def __init__(self, d_model: int, n_heads: int, max_distance: int) -> None:
        """Draw the vectors of the distances, and their projections to queries and to keys."""
        super().__init__()
        checks.positive(d_model=d_model, n_heads=n_heads, max_distance=max_distance)
        checks.divides("d_model", d_model, "n_heads", n_heads)
        self.n_heads = n_heads
        self.d_head = d_model // n_heads
        self.max_distance = max_distance
        self.table = nn.Embedding(2 * max_distance, d_model)
        self.w_qr = nn.Linear(d_model, d_model, bias=False)
        self.w_kr = nn.Linear(d_model, d_model, bias=False)

    def bias(
        self,
        query: Float[Tensor, "batch heads seq d_head"],
        key: Float[Tensor, "batch heads src d_head"],
    ) -> Float[Tensor, "batch heads seq src"]:
        """Return what is added to the scaled scores, shape `(B, H, T, S)`.

        Raises:
            ValueError: if the heads or their width are not those that the scheme was built for,
                or there are more queries than keys.
        """
        check_heads(query, self.n_heads, self.d_head)
        offset = offsets(query, key)
        query_of_rows = _heads(self.w_qr(self.table.weight), self.n_heads)
        key_of_rows = _heads(self.w_kr(self.table.weight), self.n_heads)
        content_to_position = _pick(query @ key_of_rows.transpose(-2, -1), self._row(offset))
        position_to_content = _pick(key @ query_of_rows.transpose(-2, -1), self._row(-offset.T))
        both = content_to_position + position_to_content.transpose(-2, -1)
        return (both / sqrt(self.terms * self.d_head)).to(query.dtype)

    def _row(self, offset: Int[Tensor, "a b"]) -> Int[Tensor, "a b"]:
        """Return δ, the row of the table for each offset."""
        return (offset + self.max_distance).clamp(0, 2 * self.max_distance - 1)


def _heads(x: Float[Tensor, "rows d_model"], n_heads: int) -> Float[Tensor, "heads rows d_head"]:
    """Return the columns of `x` as one matrix for each head."""
    return x.unflatten(-1, (n_heads, -1)).transpose(0, 1)


def _pick(
    scores: Float[Tensor, "batch heads a rows"], index: Int[Tensor, "a b"]
) -> Float[Tensor, "batch heads a b"]:
    """Return the matrices whose entry i, j is `scores[..., i, index[i, j]]`."""
    return scores.gather(-1, index.expand(*scores.shape[:2], -1, -1))
