"""Plausible wrong answers to the exercises on self-attention without weights."""

import torch
from torch import Tensor


def context(x: Tensor, memory: Tensor) -> Tensor:
    return torch.softmax(x @ memory.transpose(-2, -1), -1) @ memory


def naive_softmax(scores: Tensor, dim: int) -> Tensor:
    return scores.exp() / scores.exp().sum(dim, keepdim=True)


def softmax_with_global_maximum(scores: Tensor, dim: int) -> Tensor:
    return naive_softmax(scores - scores.max(), dim)


def softmax_with_minimum(scores: Tensor, dim: int) -> Tensor:
    return naive_softmax(scores - scores.amin(dim, keepdim=True), dim)


def batch(x: Tensor, dim: int = -1, factor: float = 1.0) -> tuple[Tensor, Tensor]:
    weights = torch.softmax(factor * x @ x.transpose(-2, -1), dim)
    return weights @ x, weights


WRONG_ANSWERS = {
    "context-of": [
        (lambda x, i: torch.softmax(x @ x[i], 0), "these are the attention weights"),
        (lambda x, i: x @ x[i], "these are the raw scores"),
        (lambda x, i: (x @ x[i]) @ x / (x @ x[i]).sum(), "divided by their sum"),
        (lambda x, i: (x @ x[i]) @ x, "raw scores were used as weights"),
        (lambda x, i: x.mean(0), "plain average"),
        (lambda x, i: context(x, x)[i - 1], "counts from 0"),
        (lambda x, i: context(x, x), "Return the row of one token"),
        (
            lambda x, i: torch.softmax(x @ x[i] / x.shape[1] ** 0.5, 0) @ x,
            "belongs to the trainable version",
        ),
        (lambda x, i: context(x, x)[i].tolist(), "expected a torch.Tensor, got list"),
        (lambda x, i: 2 * context(x, x)[i], "the values are not"),
        (lambda x, i: context(x, x)[i] / 0 * 0, "infinite entries or NaNs"),
    ],
    "stable-softmax": [
        (naive_softmax, "exp overflows or underflows"),
        (lambda s, dim: torch.softmax(s.clamp(-50, 50), dim), "the values are not"),
        (softmax_with_minimum, "exp overflows or underflows"),
        (softmax_with_global_maximum, "maximum was taken over the whole tensor"),
        (lambda s, dim: torch.softmax(s, -1), "but dim=0 was asked for"),
        (lambda s, dim: s.exp() / s.exp().sum(), "runs over the whole tensor"),
        (lambda s, dim: s.exp(), "Divide them by their sum"),
        (lambda s, dim: (s - s.amax(dim, keepdim=True)).exp(), "minus maximum are right"),
    ],
    "self-attention": [
        (lambda x, t: batch(x, dim=-2, factor=1 / t), "the softmax runs over the queries"),
        (lambda x, t: batch(x, dim=0, factor=1 / t), "the softmax runs over the sentences"),
        (lambda x, t: batch(x, factor=1 / t)[0], "return context, weights"),
        (lambda x, t: batch(x, factor=1 / t)[::-1], "context and weights are swapped"),
        (lambda x, t: batch(x), "the temperature has no effect"),
        (lambda x, t: batch(x, factor=t), "multiplied by the temperature"),
        (lambda x, t: (x, batch(x)[1] / t), "the temperature came after the softmax"),
        (lambda x, t: batch(x, factor=x.shape[-1] ** -0.5 / t), "belongs to the trainable"),
        (lambda x, t: (x, x @ x.transpose(-2, -1) / t), "these are scores"),
        (
            lambda x, t: (batch(x, -1, 1 / t)[1].transpose(-2, -1) @ x, batch(x, -1, 1 / t)[1]),
            "weights are transposed",
        ),
        (lambda x, t: (x, batch(x, factor=1 / t)[1]), "this is the input"),
        (lambda x, t: (x @ x.permute(2, 1, 0), x), "turns all three axes of a batch around"),
    ],
    "attend-to": [
        (lambda x, m: context(m, x), "roles are the wrong way round"),
        (lambda x, m: context(x, x), "x looks at itself"),
        (lambda x, m: context(m, m), "memory looks at itself"),
        (
            lambda x, m: torch.softmax(x @ m.T, -1) @ (x if len(x) == len(m) else m),
            "What is delivered is memory",
        ),
        (lambda x, m: context(x / x.shape[1] ** 0.5, m), "belongs to the trainable version"),
        (lambda x, m: torch.softmax(x @ m.T, 0) @ m, "the values are not"),
        (
            lambda x, m: torch.softmax(x @ m.T, -1 if len(x) != len(m) else 0) @ m,
            "the softmax runs over the queries",
        ),
    ],
    "is-equivariant": [
        (lambda f, x, p: torch.allclose(f(x[p]), f(x)), "You may have tested invariance"),
        (lambda f, x, p: True, "not equivariant, but the answer was True"),
        (
            lambda f, x, p: torch.allclose(f(x[p])[0], f(x)[p][0], atol=1e-5),
            "whole output must be compared",
        ),
        (
            lambda f, x, p: torch.allclose(f(x[p])[-1], f(x)[p][-1], atol=1e-5),
            "whole output must be compared",
        ),
        (lambda f, x, p: False, "You may have tested invariance"),
        (lambda f, x, p: bool((f(x[p]) == f(x)[p]).all()), "torch.allclose"),
        (lambda f, x, p: torch.allclose(f(x[p]), f(x)[p.argsort()]), "is equivariant, but"),
        (lambda f, x, p: torch.tensor(True), "expected True or False, got Tensor"),
        (
            lambda f, x, p: torch.allclose(f(x[p]).sum(0), f(x).sum(0), atol=1e-5),
            "whole output must be compared",
        ),
    ],
}
