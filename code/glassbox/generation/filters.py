"""Filters: logits go in, logits come out, and those of tokens that are ruled out are −∞."""

from math import log

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from glassbox import checks
from glassbox.generation.arguments import check_logits, check_probability, check_text


def temperature(
    logits: Float[Tensor, "batch vocab_size"], t: int | float
) -> Float[Tensor, "batch vocab_size"]:
    r"""Sharpen the distribution (below 1) or flatten it (above 1).

    $$p_i = \operatorname{softmax}(z / t)_i$$

    Args:
        logits: scores z of the next token, shape `(B, vocab_size)`.
        t: the temperature, above 0. Towards 0, all probability goes to the largest logit.

    Returns:
        The logits divided by t, the same shape.

    Raises:
        TypeError: if `t` is no number.
        ValueError: if `t` is 0 or less.

    Source:
        Ackley, Hinton and Sejnowski (1985), "A Learning Algorithm for Boltzmann Machines",
        equation 3, https://doi.org/10.1207/s15516709cog0901_7

    Example:
        >>> temperature(torch.tensor([[0.0, 1.0]]), 0.5)
        tensor([[0., 2.]])
    """
    check_logits(logits)
    checks.above_zero("t", t, example=0.8)
    return logits / t


def top_k(logits: Float[Tensor, "batch vocab_size"], k: int) -> Float[Tensor, "batch vocab_size"]:
    """Keep the k most likely tokens.

    Args:
        logits: scores of the next token, shape `(B, vocab_size)`.
        k: how many to keep; all of them if there are fewer. Of equal logits at the border, those
            of the lowest ids stay, so that `k=1` leaves what `argmax` takes.

    Returns:
        The logits, −∞ where a token is ruled out.

    Raises:
        TypeError: if `k` is no whole number.
        ValueError: if `k` is below 1.

    Source:
        Fan, Lewis and Dauphin (2018), "Hierarchical Neural Story Generation", section 5.4,
        https://doi.org/10.48550/arXiv.1805.04833

    Example:
        >>> top_k(torch.tensor([[1.0, 3.0, 2.0]]), 2)
        tensor([[-inf, 3., 2.]])
    """
    check_logits(logits)
    checks.positive(k=k)
    last = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    above, equal = logits > last, logits == last
    room = k - above.sum(dim=-1, keepdim=True)
    return logits.masked_fill(~(above | equal & (equal.cumsum(dim=-1) <= room)), -torch.inf)


def top_p(
    logits: Float[Tensor, "batch vocab_size"], p: int | float
) -> Float[Tensor, "batch vocab_size"]:
    """Keep the smallest set of most likely tokens whose probabilities reach p: the nucleus.

    Where the model is sure, few tokens stay; where it is not, many.

    Args:
        logits: scores of the next token, shape `(B, vocab_size)`.
        p: the probability to reach, above 0 and at most 1. At least one token stays; of equal ones
            at the border, those of the lowest ids.

    Returns:
        The logits, −∞ where a token is ruled out.

    Raises:
        TypeError: if `p` is no number.
        ValueError: if `p` is not above 0 and at most 1.

    Source:
        Holtzman et al. (2020), "The Curious Case of Neural Text Degeneration", section 3.1,
        https://doi.org/10.48550/arXiv.1904.09751

    Example:
        >>> top_p(torch.tensor([[0.5, 0.3, 0.2]]).log(), 0.6).exp()
        tensor([[0.5000, 0.3000, 0.0000]])
    """
    check_logits(logits)
    check_probability("p", p)
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    # Summed from the least likely up: the small numbers of the tail would vanish beside a sum of 1.
    ruled_out = probabilities.flip(-1).cumsum(dim=-1).flip(-1) <= 1 - p
    ruled_out[..., 0] = False
    return logits.masked_fill(ruled_out.scatter(-1, order, ruled_out), -torch.inf)


def min_p(
    logits: Float[Tensor, "batch vocab_size"], p: int | float
) -> Float[Tensor, "batch vocab_size"]:
    """Keep the tokens that are at least p times as likely as the most likely one.

    Args:
        logits: scores of the next token, shape `(B, vocab_size)`.
        p: the share of the largest probability, above 0 and at most 1.

    Returns:
        The logits, −∞ where a token is ruled out.

    Raises:
        TypeError: if `p` is no number.
        ValueError: if `p` is not above 0 and at most 1.

    Source:
        Nguyen et al. (2024), "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM
        Outputs", section 3, https://doi.org/10.48550/arXiv.2407.01082

    Example:
        >>> min_p(torch.tensor([[0.5, 0.3, 0.2]]).log(), 0.5).exp()  # at least half of 0.5
        tensor([[0.5000, 0.3000, 0.0000]])
    """
    check_logits(logits)
    check_probability("p", p)
    # A ratio of probabilities is a difference of logits: no softmax is needed.
    least = logits.amax(dim=-1, keepdim=True) + log(p)
    return logits.masked_fill(logits < least, -torch.inf)


def repetition_penalty(
    logits: Float[Tensor, "batch vocab_size"],
    tokens: Int[Tensor, "batch seq"],
    penalty: int | float,
    real: Bool[Tensor, "batch seq"] | None = None,
) -> Float[Tensor, "batch vocab_size"]:
    """Make every token less likely that the text holds already.

    A positive logit is divided by the penalty, a negative one multiplied; the paper divides both,
    which would favor negative ones. How often a token occurred does not matter.

    Args:
        logits: scores of the next token, shape `(B, vocab_size)`.
        tokens: the text so far, shape `(B, T)`.
        penalty: 1 changes nothing, the paper uses 1.2; below 1 repetition is favored.
        real: `True` where a token is no padding, shape `(B, T)`; everywhere if not given.

    Returns:
        The changed logits, the same shape.

    Raises:
        TypeError: if `penalty` is no number.
        ValueError: if `penalty` is 0 or less.

    Source:
        Keskar et al. (2019), "CTRL: A Conditional Transformer Language Model for Controllable
        Generation", section 4.1, https://doi.org/10.48550/arXiv.1909.05858

    Example:
        >>> repetition_penalty(torch.tensor([[2.0, -2.0, 2.0]]), torch.tensor([[0, 1, 1]]), 2.0)
        tensor([[ 1., -4.,  2.]])
    """
    check_logits(logits)
    check_text(tokens, logits, real)
    checks.above_zero("penalty", penalty, example=1.2)
    held = _marked(tokens, real, logits)
    return torch.where(held, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def block_repeats(
    logits: Float[Tensor, "batch vocab_size"],
    tokens: Int[Tensor, "batch seq"],
    n: int,
    real: Bool[Tensor, "batch seq"] | None = None,
) -> Float[Tensor, "batch vocab_size"]:
    """Rule out every token that would make a run of n tokens occur a second time.

    Args:
        logits: scores of the next token, shape `(B, vocab_size)`.
        tokens: the text so far, shape `(B, T)`.
        n: length of the runs; with 1 no token occurs twice.
        real: `True` where a token is no padding, shape `(B, T)`; everywhere if not given.

    Returns:
        The logits, −∞ where a token is ruled out.

    Raises:
        TypeError: if `n` is no whole number.
        ValueError: if `n` is below 1, or no token is left.

    Source:
        Paulus, Xiong and Socher (2017), "A Deep Reinforced Model for Abstractive Summarization",
        section 2.5, https://doi.org/10.48550/arXiv.1705.04304

    Example:
        >>> block_repeats(torch.zeros(1, 3), torch.tensor([[0, 1, 2, 0]]), 2)  # 0 1 was there
        tensor([[0., -inf, 0.]])
    """
    check_logits(logits)
    check_text(tokens, logits, real)
    checks.positive(n=n)
    if tokens.shape[1] < n:
        return logits
    runs = tokens.unfold(1, n, 1)
    seen = (runs[:, :, :-1] == tokens[:, None, tokens.shape[1] - n + 1 :]).all(dim=-1)
    if real is not None:
        seen = seen & real.unfold(1, n, 1).all(dim=-1)
    blocked = logits.masked_fill(_marked(runs[:, :, -1], seen, logits), -torch.inf)
    if blocked.isneginf().all(dim=-1).any():
        raise ValueError(
            f"every one of the {logits.shape[-1]} tokens would repeat a run of n={n} tokens, so "
            f"none is left. Use a larger n for block_repeats, or generate fewer tokens."
        )
    return blocked


def _marked(ids: Tensor, where: Tensor | None, logits: Tensor) -> Tensor:
    """Return a mask like `logits`: `True` for each id, or for those `where` says so."""
    where = torch.ones_like(ids, dtype=torch.bool) if where is None else where
    counts = torch.zeros_like(logits, dtype=torch.int64)
    return counts.scatter_add(-1, ids.long(), where.long()) > 0
