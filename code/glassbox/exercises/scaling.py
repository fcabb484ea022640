"""Checks of the exercises in the chapter on why the scores are scaled."""

from collections.abc import Callable
from math import e, isfinite, log, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbox.exercises.engine import Wrong, blame, compare, exercise


def _random(*shape: int, seed: int = 0) -> Tensor:
    """Random numbers that are the same for everybody."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


def _number(got: object, what: str) -> Tensor:
    """Return a number that came back, of whatever type, as a tensor without axes."""
    if got is None:
        raise Wrong(f"{what}: nothing came back. The function probably lacks a `return`.")
    try:
        number = float(got)
    except (TypeError, ValueError, RuntimeError):
        shape = f" of shape {tuple(got.shape)}" if isinstance(got, Tensor) else ""
        raise Wrong(f"{what}: expected one number, got {type(got).__name__}{shape}.") from None
    if not isfinite(number):
        raise Wrong(f"{what}: expected a finite number, got {number}.")
    return torch.tensor(number, dtype=torch.float64)


def _compare(got: object, want: float, what: str, causes: dict[str, float], rtol: float) -> None:
    """Compare two numbers, naming the cause of a known mistake."""
    tensors = {cause: torch.tensor(value).double() for cause, value in causes.items()}
    want_tensor = torch.tensor(want).double()
    compare(_number(got, what), want_tensor, what, tensors, rtol=rtol, atol=0.0)


@exercise("score-spread")
def score_spread(answer: Callable[[int, float, float, float], float]) -> None:
    """`answer(d_k, sigma_q, sigma_k, divisor)` is the standard deviation of a scaled score."""
    for d_k, sigma_q, sigma_k, divisor in [
        (16, 3.0, 2.0, 5.0),
        (64, 1.0, 1.0, 8.0),
        (64, 0.5, 0.5, 8.0),
        (5, 2.0, 0.3, 1.0),
        (1024, 2.0, 2.0, 1024.0),
    ]:
        size = sigma_q * sigma_k
        want = sqrt(d_k) * size / divisor
        _compare(answer(d_k, sigma_q, sigma_k, divisor), want, "the spread", {
            "this is the variance. The spread is its root.": want**2,
            "the spread was not divided by the divisor.": sqrt(d_k) * size,
            "the variance of the sum was divided by the divisor itself. A divisor c divides the "
            "variance by c squared, and the spread by c.": sqrt(d_k * size**2 / divisor),
            "this is a variance divided by the divisor, not by its square, and without the "
            "root.": d_k * size**2 / divisor,
            "the spread grows with the root of d_k, not with d_k: variances add, spreads do "
            "not.": d_k * size / divisor,
            "the divisor need not be the root of d_k: use the one that is given.": size,
            "the width is missing: d_k products are summed.": size / divisor,
            "this has the root of sigma_q * sigma_k. The variance of a product is sigma_q**2 * "
            "sigma_k**2.": sqrt(d_k * size) / divisor,
            "only the queries' spread was used.": sqrt(d_k) * sigma_q / divisor,
            "only the keys' spread was used.": sqrt(d_k) * sigma_k / divisor,
            "variances of a product multiply; here they were "
            "added.": sqrt(d_k * (sigma_q**2 + sigma_k**2)) / divisor,
        }, rtol=1e-4)  # fmt: skip


@exercise("unit-scale")
def unit_scale(answer: Callable[[Tensor, Tensor], float]) -> None:
    """`answer(q, k)` is the factor that predicts scores of variance 1."""
    for seed, (batch, tokens, sources, d_k, sigma_q, sigma_k) in enumerate(
        [
            ((), 300, 500, 16, 3.0, 0.5),
            ((), 128, 128, 128, 2.0, 2.0),
            ((4,), 60, 90, 64, 0.2, 1.0),
            ((2, 3), 50, 40, 32, 1.0, 5.0),
        ]
    ):
        q = sigma_q * _random(*batch, tokens, d_k, seed=seed)
        k = sigma_k * _random(*batch, sources, d_k, seed=seed + 10)
        std_q, std_k = float(q.std()), float(k.std())
        want = 1 / (std_q * std_k * sqrt(d_k))
        with blame("the spreads are single numbers: q.std() and k.std(), over all entries."):
            got = answer(q.clone(), k.clone())
        _compare(got, want, "the factor", {
            "this supposes entries of spread 1. Their spreads belong under it, too.": 1 / sqrt(d_k),
            "this is the divisor. The factor is one over it.": 1 / want,
            "the entries' variances were used. Divide by their spreads, the "
            "roots.": 1 / (std_q**2 * std_k**2 * sqrt(d_k)),
            "this is one over the predicted variance. Take the root.": want**2,
            "this divides by d_k, not by its root.": want / sqrt(d_k),
            "the spread of the queries is used for the keys as well.": 1 / (std_q**2 * sqrt(d_k)),
            "the spread of the keys is missing.": 1 / (std_q * sqrt(d_k)),
            "the spread of the queries is missing.": 1 / (std_k * sqrt(d_k)),
            "the width d_k is missing: it is the number of products in the "
            "sum.": 1 / (std_q * std_k),
            "the root is that of the number of keys. What is summed over is the width of a "
            "key.": 1 / (std_q * std_k * sqrt(sources)),
            "the root is that of the number of queries. What is summed over is the width of a "
            "key.": 1 / (std_q * std_k * sqrt(tokens)),
        }, rtol=1e-2)  # fmt: skip


@exercise("softmax-jacobian")
def softmax_jacobian(answer: Callable[[Tensor], Tensor]) -> None:
    """`answer(scores)` is the Jacobian of the softmax of each row."""
    for seed, shape in enumerate([(4,), (3, 3), (2, 5), (3, 3, 3), (2, 3, 4)]):
        scores = _random(*shape, seed=seed)
        p = scores.softmax(-1)
        diagonal, pairs = torch.diag_embed(p), p[..., :, None] * p[..., None, :]
        raw = torch.diag_embed(scores) - scores[..., :, None] * scores[..., None, :]
        causes = {
            "the two terms were added. Off the diagonal, a weight falls when another score "
            "rises.": diagonal + pairs,
            "the sign is reversed: raising a score raises its own weight.": pairs - diagonal,
            "only the diagonal is there. Every score moves every weight.": torch.diag_embed(
                p * (1 - p)
            ),
            "this is the diagonal only, p(1 - p), without the rest of the matrix.": p * (1 - p),
            "the diagonal term p is missing.": -pairs,
            "the products of all pairs are missing: this is p on a diagonal.": diagonal,
            "the scores were used as if they were weights. Apply the softmax first.": raw,
        }
        if len(shape) > 1:
            first = scores.softmax(0)
            causes["the softmax runs over the first axis. Use dim=-1."] = torch.diag_embed(
                first
            ) - (first[..., :, None] * first[..., None, :])
        with blame(
            "torch.diag and torch.outer take one vector only; for a batch use torch.diag_embed, "
            "and p[..., :, None] * p[..., None, :]."
        ):
            got = answer(scores.clone())
        want = diagonal - pairs
        if isinstance(got, Tensor) and got.shape == (*shape, *shape) != want.shape:
            raise Wrong(
                "the Jacobian: the rows of a batch were crossed with each other. Return one "
                f"matrix for each row, shape {tuple(want.shape)}."
            )
        compare(got, want, "the Jacobian", causes)


def _temperature(scores: Tensor, measure: Callable[[Tensor], Tensor], wanted: float) -> float:
    """Return the temperature at which a measure of the weights, growing with it, is as wanted."""
    low, high = 1e-6, 1e6
    for _ in range(80):
        middle = sqrt(low * high)
        low, high = (
            (middle, high) if measure((scores / middle).softmax(-1)) < wanted else (low, middle)
        )
    return middle


def _effective(p: Tensor, base: float = e) -> Tensor:
    """Return exp of the entropy, which is taken with logarithms of a base."""
    return (torch.special.entr(p).sum() / log(base)).exp()


@exercise("temperature-for")
def temperature_for(answer: Callable[[Tensor, float], float]) -> None:
    """`answer(scores, keys)` is the temperature that gives so many effective keys."""
    for seed, (src, size, keys) in enumerate(
        [(8, 1.0, 3.0), (16, 5.0, 2.0), (16, 0.1, 10.0), (5, 1.0, 1.5), (100, 20.0, 60.0)]
    ):
        scores = (size * _random(src, seed=seed)).double()
        wanted = {
            "this is one over the temperature. The scores are divided by it.": None,
            "it gives the entropy that was asked for as the number of keys. Their number is "
            "exp(entropy).": lambda p: torch.special.entr(p).sum(),
            "the entropy was taken in bits, and its exponential to base e. Use one base for "
            "both.": lambda p: _effective(p, 2.0),
            "it gives 1 / (largest weight) keys. Use exp(entropy).": lambda p: 1 / p.max(),
            "it gives 1 / (sum of squared weights) keys. Use exp(entropy).": lambda p: (
                1 / p.square().sum()
            ),
        }
        want = _temperature(scores, _effective, keys)
        causes = {
            cause: 1 / want if measure is None else _temperature(scores, measure, keys)
            for cause, measure in wanted.items()
        }
        got = _number(answer(scores.float(), keys), "the temperature")
        if got <= 0:
            raise Wrong(f"the temperature: expected a positive number, got {float(got):.4f}.")
        effective = float(_effective((scores / got).softmax(-1)))
        if abs(effective / keys - 1) < 0.01:
            continue
        for cause, mistaken in causes.items():
            if abs(float(got) / mistaken - 1) < 0.005:
                raise Wrong(f"the temperature: {cause}")
        raise Wrong(
            f"the temperature: at {float(got):.4f}, {src} scores have {effective:.2f} effective "
            f"keys, where {keys} were asked for; {want:.4f} would do."
        )


def _rms(x: Tensor, dim: int | None = -1) -> Tensor:
    """Divide by the root mean square over one axis, or over all."""
    return x / x.square().mean(dim=dim, keepdim=dim is not None).sqrt()


def _squared(x: Tensor) -> Tensor:
    """Divide by the mean square, without the root."""
    return x / x.square().mean(-1, keepdim=True)


@exercise("bounded-scores")
def bounded_scores(answer: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """`answer(q, k, gain)` holds the scaled scores of normalized queries and keys."""
    for seed, (*batch, tokens, sources, d_k) in enumerate(
        [(4, 6, 9), (5, 5, 5), (2, 3, 7, 8), (3, 3, 3, 3), (2, 3, 4, 2, 16)]
    ):
        gain = (1.5, 1.0, 0.7, 2.0, 3.0)[seed]
        scale = gain**2 / sqrt(d_k)
        q = 4 * _random(*batch, tokens, d_k, seed=seed) + 1
        k = 0.3 * _random(*batch, sources, d_k, seed=seed + 10) - 0.1
        want = scale * _rms(q) @ _rms(k).mT
        causes = {
            "the gain was applied once. Queries and keys both get it.": want / gain,
            "the gain is missing.": want / gain**2,
            "the dot products are not divided by the root of d_k.": want * sqrt(d_k),
            "they are too small by the root of d_k. Divide dot products by the root, not by d_k; "
            "and vectors by their root mean square, which leaves them longer than 1.": want
            / sqrt(d_k),
            "the vectors were given length 1. Divided by its root mean square, a vector has "
            "length sqrt(d_k).": want / d_k,
            "only the queries were normalized.": scale * _rms(q) @ k.mT,
            "only the keys were normalized.": scale * q @ _rms(k).mT,
            "nothing was normalized.": scale * q @ k.mT,
            "one root mean square was taken of all vectors together. Each vector has its "
            "own.": scale * _rms(q, None) @ _rms(k, None).mT,
            "the mean square runs over the tokens. It belongs to the last axis, one vector at a "
            "time.": scale * _rms(q, -2) @ _rms(k, -2).mT,
            "the mean was subtracted first, as LayerNorm does. Divide only.": scale
            * F.layer_norm(q, (d_k,), eps=1e-12)
            @ F.layer_norm(k, (d_k,), eps=1e-12).mT,
            "the softmax was applied. Return the scores.": want.softmax(-1),
            "the vectors were divided by their mean square, not by its root.": scale
            * _squared(q)
            @ _squared(k).mT,
        }  # fmt: skip
        with blame(
            f"queries {tuple(q.shape)} and keys {tuple(k.shape)} did not fit. Take the mean square "
            "over the last axis with keepdim=True, and transpose the keys with .mT."
        ):
            got = answer(q.clone(), k.clone(), gain)
        compare(got, want, "the scores", causes, rtol=1e-3, atol=1e-3)
