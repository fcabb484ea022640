"""Plausible wrong answers to the exercises on why the scores are scaled."""

from math import sqrt

import torch
from torch import Tensor


def jacobian(p: Tensor) -> Tensor:
    return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]


def crossed(scores: Tensor) -> Tensor:
    return torch.autograd.functional.jacobian(lambda row: row.softmax(-1), scores)


def search(scores: Tensor, keys: float, measure) -> float:
    """Bisect for the temperature at which a measure of the weights is as wanted."""
    low, high = 1e-6, 1e6
    for _ in range(80):
        middle = sqrt(low * high)
        p = (scores.double() / middle).softmax(-1)
        low, high = (middle, high) if measure(p) < keys else (low, middle)
    return middle


def entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum()


def bits(p: Tensor) -> Tensor:
    return entropy(p) / torch.log(torch.tensor(2.0))


def rms(x: Tensor, dim: int = -1) -> Tensor:
    return x / x.square().mean(dim=dim, keepdim=True).sqrt()


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def root(k: Tensor) -> float:
    return k.shape[-1] ** 0.5


def dropped_axis(q: Tensor, k: Tensor, gain: float) -> Tensor:
    q, k = (gain * x / x.square().mean(dim=-1).sqrt() for x in (q, k))
    return q @ k.mT / root(k)


WRONG_ANSWERS = {
    "score-spread": [
        (lambda d, q, k, c: d * q**2 * k**2 / c**2, "this is the variance"),
        (lambda d, q, k, c: d**0.5 * q * k, "not divided by the divisor"),
        (lambda d, q, k, c: (d * q**2 * k**2 / c) ** 0.5, "divided by the divisor itself"),
        (lambda d, q, k, c: d * q**2 * k**2 / c, "not by its square, and without the root"),
        (lambda d, q, k, c: d * q * k / c, "variances add, spreads do not"),
        (lambda d, q, k, c: q * k, "use the one that is given"),
        (lambda d, q, k, c: q * k / c, "the width is missing"),
        (lambda d, q, k, c: (d * q * k) ** 0.5 / c, "root of sigma_q * sigma_k"),
        (lambda d, q, k, c: d**0.5 * q / c, "only the queries' spread"),
        (lambda d, q, k, c: d**0.5 * k / c, "only the keys' spread"),
        (lambda d, q, k, c: (d * (q**2 + k**2)) ** 0.5 / c, "here they were added"),
        (lambda d, q, k, c: torch.ones(2), "expected one number, got Tensor of shape (2,)"),
        (lambda d, q, k, c: 1.0, "the values are not"),
        (lambda d, q, k, c: float("nan"), "expected a finite number"),
    ],
    "unit-scale": [
        (lambda q, k: 1 / root(k), "supposes entries of spread 1"),
        (lambda q, k: q.std() * k.std() * root(k), "this is the divisor"),
        (lambda q, k: 1 / (q.var() * k.var() * root(k)), "variances were used"),
        (lambda q, k: 1 / (q.var() * k.var() * k.shape[-1]), "over the predicted variance"),
        (lambda q, k: 1 / (q.std() * k.std() * k.shape[-1]), "not by its root"),
        (lambda q, k: 1 / (q.std() ** 2 * root(k)), "used for the keys as well"),
        (lambda q, k: 1 / (q.std() * root(k)), "spread of the keys is missing"),
        (lambda q, k: 1 / (k.std() * root(k)), "spread of the queries is missing"),
        (lambda q, k: 1 / (q.std() * k.std()), "the width d_k is missing"),
        (
            lambda q, k: 1 / (q.std() * k.std() * k.shape[-2] ** 0.5),
            "root is that of the number of",
        ),
        (lambda q, k: 1 / (q.std() * k.std() * q.shape[-2] ** 0.5), "the number of queries"),
        (lambda q, k: 1 / (q.std(-1) * k.std(-1) * root(k)), "single numbers"),
        (lambda q, k: 1 / (q.std(-2) * k.std(-2) * root(k)), "expected one number"),
    ],
    "softmax-jacobian": [
        (lambda e: 2 * torch.diag_embed(e.softmax(-1)) - jacobian(e.softmax(-1)), "were added"),
        (lambda e: -jacobian(e.softmax(-1)), "the sign is reversed"),
        (lambda e: torch.diag_embed(e.softmax(-1) * (1 - e.softmax(-1))), "only the diagonal is"),
        (lambda e: e.softmax(-1) * (1 - e.softmax(-1)), "without the rest of the matrix"),
        (lambda e: jacobian(e.softmax(-1)) - torch.diag_embed(e.softmax(-1)), "p is missing"),
        (lambda e: torch.diag_embed(e.softmax(-1)), "products of all pairs are missing"),
        (lambda e: jacobian(e), "Apply the softmax first"),
        (lambda e: jacobian(e.softmax(0)), "over the first axis"),
        (
            lambda e: torch.diag(e.softmax(-1)) - torch.outer(e.softmax(-1), e.softmax(-1)),
            "take one vector only",
        ),
        (crossed, "crossed with each other"),
        (lambda e: 2 * jacobian(e.softmax(-1)), "the values are not"),
    ],
    "temperature-for": [
        (lambda e, n: 1 / search(e, n, lambda p: entropy(p).exp()), "this is one over"),
        (lambda e, n: search(e, n, entropy), "gives the entropy that was asked for"),
        (lambda e, n: search(e, n, lambda p: bits(p).exp()), "Use one base for both"),
        (lambda e, n: search(e, n, lambda p: 1 / p.max()), "1 / (largest weight)"),
        (lambda e, n: search(e, n, lambda p: 1 / p.square().sum()), "1 / (sum of squared"),
        (lambda e, n: len(e) ** 0.5, "effective keys, where 3.0 were asked for"),
        (lambda e, n: -1.0, "expected a positive number"),
        (lambda e, n: e / n, "expected one number"),
    ],
    "bounded-scores": [
        (lambda q, k, g: g * rms(q) @ rms(k).mT / root(k), "the gain was applied once"),
        (lambda q, k, g: rms(q) @ rms(k).mT / root(k), "the gain is missing"),
        (lambda q, k, g: g * rms(q) @ (g * rms(k)).mT, "not divided by the root of d_k"),
        (lambda q, k, g: g**2 * rms(q) @ rms(k).mT / k.shape[-1], "the root, not by d_k"),
        (lambda q, k, g: g**2 * unit(q) @ unit(k).mT, "leaves them longer than 1"),
        (lambda q, k, g: g**2 * unit(q) @ unit(k).mT / root(k), "were given length 1"),
        (lambda q, k, g: g**2 * rms(q) @ k.mT / root(k), "only the queries were normalized"),
        (lambda q, k, g: g**2 * q @ rms(k).mT / root(k), "only the keys were normalized"),
        (lambda q, k, g: g**2 * q @ k.mT / root(k), "nothing was normalized"),
        (
            lambda q, k, g: (
                g**2 * q / q.square().mean().sqrt() @ (k / k.square().mean().sqrt()).mT / root(k)
            ),
            "of all vectors together",
        ),
        (lambda q, k, g: g**2 * rms(q, -2) @ rms(k, -2).mT / root(k), "runs over the tokens"),
        (
            lambda q, k, g: (
                g**2 * rms(q - q.mean(-1, True)) @ rms(k - k.mean(-1, True)).mT / root(k)
            ),
            "as LayerNorm does",
        ),
        (lambda q, k, g: (g**2 * rms(q) @ rms(k).mT / root(k)).softmax(-1), "Return the scores"),
        (
            lambda q, k, g: (
                g**2 * q / q.square().mean(-1, True) @ (k / k.square().mean(-1, True)).mT / root(k)
            ),
            "by their mean square",
        ),
        (dropped_axis, "keepdim=True"),
        (lambda q, k, g: g**2 * rms(q) @ rms(k) / root(k), "transpose the keys"),
    ],
}
