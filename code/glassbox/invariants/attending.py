"""Probes of the formula: softmax of scaled scores over the keys, times the values."""

from contextlib import nullcontext
from math import isclose, sqrt

import torch
from torch import Tensor, nn

from glassbox.inspection import record_attention
from glassbox.invariants.comparing import TOLERANCE, difference
from glassbox.invariants.listening import Heard
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown
from glassbox.positions import Positions
from glassbox.tap import Tap

UNHEARD = "no attention was heard"


def weight_rows(model: nn.Module | Subject) -> Verdict:
    """Check that the attention weights of each query sum to 1 over the keys.

    Args:
        model: a model whose attention can be heard.

    Returns:
        How far the sum of a row is from 1, at most.

    Source:
        Vaswani et al. (2017), equation 1, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> weight_rows(GPT(preset("character"))).passed
        True
    """
    heard = _explicitly(subject(model))
    if not heard:
        return Verdict("weight_rows", None, UNHEARD)
    found, columns = (
        torch.stack([(h.weights.sum(axis) - 1).abs().max() for h in heard]).max().item()
        for axis in (-1, -2)
    )
    passed = found <= TOLERANCE
    culprit = "what is done to the weights after the softmax: a mask, or dropout"
    if any((h.weights.sum(-1).abs() <= TOLERANCE).any() for h in heard):
        culprit = "the mask: there are queries that may attend to nothing"
    if columns <= TOLERANCE or any(h.axis != -1 for h in heard):
        culprit = "the axis of the softmax: it runs over the queries, dim=-2 in place of dim=-1"
    return Verdict(
        "weight_rows",
        passed,
        f"rows sum to 1 but for {shown(found)}",
        found,
        "" if passed else culprit,
    )


def attention_formula(model: nn.Module | Subject) -> Verdict:
    """Check that attention is what PyTorch's kernel computes from the same queries, keys, values.

    The scale is compared first: all factors on the way from the projections to the softmax,
    wherever they stand in the code, must make 1/√d_k.

    Args:
        model: a model whose attention can be heard.

    Returns:
        The scale times √d_k, which should be 1; or, where it is, the largest difference of a
        context from the kernel's.

    Source:
        Vaswani et al. (2017), equation 1, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> print(attention_formula(GPT(preset("character"))))
        attention_formula: holds. Contexts differ by under 0.0001.
    """
    asked = subject(model)
    heard = asked.listen(asked.tokens())
    if not heard:
        return Verdict("attention_formula", None, UNHEARD)
    terms = {m.terms for m in asked.model.modules() if isinstance(m, Positions)} | {1}
    for h in heard:
        d_k = h.query.shape[-1]
        if not any(isclose(h.scale * sqrt(n * d_k), 1, rel_tol=1e-3) for n in terms):
            return Verdict(
                "attention_formula",
                False,
                f"the scale is {h.scale * sqrt(d_k):.3g} times 1/√d_k",
                h.scale * sqrt(d_k),
                _which_scale(h),
            )
    found = max(_apart(h) for h in heard)
    passed = found <= TOLERANCE
    return Verdict(
        "attention_formula",
        passed,
        f"contexts differ by {shown(found)}",
        found,
        "" if passed else "the softmax: its axis, or what is done to its result",
    )


def keys_differ(model: nn.Module | Subject) -> Verdict:
    """Check that queries and keys are two different projections.

    With one projection for both, scores are symmetric before the mask, and each token likes
    itself best.

    Args:
        model: a model whose attention can be heard.

    Returns:
        The largest cosine between the queries and the keys of a layer; 1 where they are one.

    Source:
        Vaswani et al. (2017), section 3.2.2, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> keys_differ(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    heard = [h for h in asked.listen(asked.tokens()) if h.query.shape == h.key.shape]
    if not heard:
        return Verdict("keys_differ", None, UNHEARD)
    found = max(_cosine(h.query, h.key) for h in heard)
    passed = found < 0.9999
    return Verdict(
        "keys_differ",
        passed,
        f"cosine of queries, keys: {found:.2f}",
        found,
        "" if passed else "the key projection: it is the query projection",
    )


def _explicitly(asked: Subject) -> list[Heard]:
    """Listen to a pass in which our own layers take the formula that has weights."""
    taps = any(isinstance(module, Tap) for module in asked.model.modules())
    with record_attention(asked.model) if taps else nullcontext():
        return asked.listen(asked.tokens())


def _apart(h: Heard) -> float:
    """Return how far a context is from that of a softmax over the keys, relative to its spread."""
    expected = h.scores.softmax(-1).nan_to_num(0.0) @ h.value
    return difference(h.context, expected)


def _cosine(one: Tensor, other: Tensor) -> float:
    """Return the cosine between all numbers of two tensors; 0 where one has only zeros."""
    return torch.cosine_similarity(one.flatten(), other.flatten(), dim=0).item()


def _which_scale(h: Heard) -> str:
    """Name a wrong scale."""
    d_k = h.query.shape[-1]
    d_model = h.query.shape[-1] * h.query.shape[-3]
    known = {
        "the scale: it is missing (T5 and GPT-Neo leave it out on purpose)": 1.0,
        f"the scale: it is 1/√D for the width {d_model} of the model": 1 / sqrt(d_model),
        "the scale: it is 1/d_k, without the root or applied twice": 1 / d_k,
        "the scale: it is 1/√H, for the number of heads": 1 / sqrt(h.query.shape[-3]),
    }
    for name, scale in known.items():
        if isclose(h.scale, scale, rel_tol=1e-3):
            return name
    return "the scale: expected 1/√d_k, unless queries and keys are normed"
