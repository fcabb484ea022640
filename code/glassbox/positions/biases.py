"""Positions as a number on each score that depends on the distance alone."""

from math import log

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.positions.base import Positions, check_heads, offsets


def alibi_slopes(n_heads: int) -> Float[Tensor, " {n_heads}"]:
    r"""Return the slope of each head: a geometric sequence.

    $$m_h = 2^{-8h/H}, \qquad h = 1, \dots, H$$

    That is for a power of two. For another number the sequence of the power of two below comes
    first, and then every second slope of the sequence for twice that power.

    Args:
        n_heads: number of heads H.

    Returns:
        The slopes, per token of distance, shape `(n_heads,)`.

    Raises:
        ValueError: if `n_heads` is below 1.

    Source:
        Press, Smith and Lewis (2021), "Train Short, Test Long", section 3,
        https://doi.org/10.48550/arXiv.2108.12409; other numbers of heads as in the authors' code,
        https://github.com/ofirpress/attention_with_linear_biases

    Example:
        >>> alibi_slopes(4)
        tensor([0.2500, 0.0625, 0.0156, 0.0039])
        >>> alibi_slopes(6)[4:]  # between those of the first four heads
        tensor([0.5000, 0.1250])
    """
    checks.positive(n_heads=n_heads)
    power = 1 << (n_heads.bit_length() - 1)
    whole = torch.arange(1, power + 1) * (8 / power)
    between = (2 * torch.arange(n_heads - power) + 1) * (4 / power)
    return 2.0 ** -torch.cat([whole, between])


class ALiBi(Positions):
    r"""Subtract from each score what grows linearly with the distance, at a fixed rate per head.

    $$b_{hij} = -m_h\,|i - j|$$

    Nothing is learned, and no distance is unknown: a longer text than in training only goes on
    along the line.

    Args:
        n_heads: number of heads H; the slopes m are those of `alibi_slopes`.

    Raises:
        ValueError: if `n_heads` is below 1.

    Source:
        Press, Smith and Lewis (2021), "Train Short, Test Long", section 3,
        https://doi.org/10.48550/arXiv.2108.12409

    Example:
        >>> x = torch.zeros(1, 2, 3, 8)
        >>> ALiBi(n_heads=2).bias(x, x)[0]
        tensor([[ 0.0000, -0.0625, -0.1250],
                [-0.0625,  0.0000, -0.0625],
                [-0.1250, -0.0625,  0.0000]])
    """

    slopes: Tensor

    def __init__(self, n_heads: int) -> None:
        """Compute the slopes."""
        super().__init__()
        self.register_buffer("slopes", alibi_slopes(n_heads), persistent=False)

    def bias(
        self,
        query: Float[Tensor, "batch heads seq d_head"],
        key: Float[Tensor, "batch heads src d_head"],
    ) -> Float[Tensor, "heads seq src"]:
        """Return what is added to the scaled scores, shape `(H, T, S)`.

        Raises:
            ValueError: if the heads are not `n_heads`, or there are more queries than keys.
        """
        check_heads(query, len(self.slopes))
        distance = offsets(query, key).abs()
        return (self.slopes[:, None, None] * -distance).to(query.dtype)


def relative_bucket(
    relative_position: Int[Tensor, "*shape"],
    bidirectional: bool = True,
    n_buckets: int = 32,
    max_distance: int = 128,
) -> Int[Tensor, "*shape"]:
    r"""Return the bucket that a distance falls into: near ones alone, far ones together.

    With n buckets for a direction, the distances $r < e = \lfloor n/2 \rfloor$ have one each. The
    others share the rest, evenly on a logarithmic scale, and the last takes all that is farther:

    $$\min\Bigl(n - 1,\; e + \Bigl\lfloor
    \frac{\ln(r/e)}{\ln(r_\text{max}/e)}\,(n - e) \Bigr\rfloor\Bigr)$$

    Args:
        relative_position: the key's position minus the query's, j − i, in tokens; any shape.
        bidirectional: whether keys ahead of the query have the second half of the buckets; if
            not, they count as distance 0.
        n_buckets: number of buckets of both directions together.
        max_distance: the distance $r_\text{max}$ from which all share one bucket, in tokens.

    Returns:
        Bucket numbers from 0 to `n_buckets` − 1, of the same shape.

    Raises:
        TypeError: if the distances are no whole numbers.
        ValueError: if there are too few buckets, or `max_distance` is within the exact ones.

    Source:
        Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified
        Text-to-Text Transformer", section 2.1, https://doi.org/10.48550/arXiv.1910.10683

    Example:
        >>> behind = torch.tensor([0, -1, -15, -16, -20, -127, -5000])
        >>> relative_bucket(behind, bidirectional=False)
        tensor([ 0,  1, 15, 16, 17, 31, 31])
        >>> relative_bucket(-behind)
        tensor([ 0, 17, 25, 26, 26, 31, 31])
    """
    checks.tensor("relative_position", relative_position)
    if relative_position.is_floating_point():
        raise TypeError(
            f"relative_position holds {relative_position.dtype}; expected whole numbers of tokens. "
            "Convert them: relative_position.long()."
        )
    _check_buckets(bidirectional, n_buckets, max_distance)
    if bidirectional:
        n_buckets //= 2
        first = n_buckets * (relative_position > 0)
        distance = relative_position.abs()
    else:
        first = 0
        distance = -relative_position.clamp(max=0)
    exact = n_buckets // 2
    # In single precision, as in T5: at the edge of a bucket, rounding decides.
    far = torch.log(distance.clamp(min=exact).float() / exact) / log(max_distance / exact)
    shared = exact + (far * (n_buckets - exact)).long()
    return first + torch.where(distance < exact, distance, shared.clamp(max=n_buckets - 1))


class T5Bias(Positions):
    r"""Add a learned number to each score, looked up by head and by bucket of the distance.

    $$b_{hij} = t_{\text{bucket}(j - i),\,h}$$

    The table starts at zero, so that no distance is preferred. All blocks of a model share it, as
    in T5. T5 differs outside this class: it does not divide the scores by $\sqrt{d_k}$.

    Args:
        n_heads: number of heads H.
        n_buckets: number of rows of the table.
        max_distance: the distance from which all share one bucket, in tokens.
        causal: whether all buckets are for keys behind the query; else half are for those ahead.

    Raises:
        ValueError: if a size is below 1, or the buckets do not fit `max_distance`.

    Source:
        Raffel et al. (2020), section 2.1, https://doi.org/10.48550/arXiv.1910.10683

    Example:
        >>> positions, x = T5Bias(n_heads=2), torch.zeros(1, 2, 3, 8)
        >>> _ = nn.init.constant_(positions.table[1], -5.0)  # dislike the token before
        >>> positions.bias(x, x)[0]
        tensor([[ 0.,  0.,  0.],
                [-5.,  0.,  0.],
                [ 0., -5.,  0.]], grad_fn=<SelectBackward0>)
    """

    def __init__(
        self, n_heads: int, n_buckets: int = 32, max_distance: int = 128, causal: bool = True
    ) -> None:
        """Make a table of zeros."""
        super().__init__()
        checks.positive(n_heads=n_heads)
        _check_buckets(not causal, n_buckets, max_distance)
        self.max_distance = max_distance
        self.causal = causal
        self.table = nn.Parameter(torch.zeros(n_buckets, n_heads))

    def bias(
        self,
        query: Float[Tensor, "batch heads seq d_head"],
        key: Float[Tensor, "batch heads src d_head"],
    ) -> Float[Tensor, "heads seq src"]:
        """Return what is added to the scaled scores, shape `(H, T, S)`.

        Raises:
            ValueError: if the heads are not `n_heads`, or there are more queries than keys.
        """
        n_buckets, n_heads = self.table.shape
        check_heads(query, n_heads)
        ahead = -offsets(query, key)
        bucket = relative_bucket(ahead, not self.causal, n_buckets, self.max_distance)
        return self.table[bucket].permute(2, 0, 1).to(query.dtype)


def _check_buckets(bidirectional: bool, n_buckets: int, max_distance: int) -> None:
    """Raise a ValueError where no bucket, or no distance, is left for one of the two kinds."""
    checks.positive(n_buckets=n_buckets, max_distance=max_distance)
    least = 4 if bidirectional else 2
    if n_buckets < least:
        raise ValueError(
            f"n_buckets is {n_buckets}; expected at least {least}, one for near and one for far "
            f"keys{' in each direction' if bidirectional else ''}."
        )
    exact = n_buckets // least
    if max_distance <= exact:
        raise ValueError(
            f"max_distance is {max_distance}, but with n_buckets={n_buckets} the distances below "
            f"{exact} have a bucket each; expected more than {exact}, or fewer buckets."
        )
