"""Plausible wrong answers to each exercise, with a part of the message that names the cause."""

import torch
from torch import Tensor, nn


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


def linear(weight: Tensor, bias: bool = False) -> nn.Linear:
    """A linear layer with a copy of a (d_out, d_in) weight."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias)
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def three(*matrices: Tensor) -> Tensor:
    return torch.cat(matrices, dim=1).T


def copy_without_no_grad(q: Tensor, k: Tensor, v: Tensor) -> nn.Linear:
    layer = nn.Linear(q.shape[0], 3 * q.shape[1], bias=False)
    layer.weight.copy_(three(q, k, v))
    return layer


def shared_memory(q: Tensor, k: Tensor, v: Tensor) -> nn.Linear:
    layer = linear(three(q, k, v))
    for matrix, part in zip((q, k, v), layer.weight.data.chunk(3), strict=True):
        matrix.set_(part.T)
    return layer


def frozen(q: Tensor, k: Tensor, v: Tensor) -> nn.Linear:
    return linear(three(q, k, v)).requires_grad_(False)


def weights(q: Tensor, k: Tensor, divisor: float = 1.0, dim: int = -1) -> Tensor:
    return torch.softmax(q @ k.transpose(-2, -1) / divisor, dim)


def slots(n: int, order: str) -> tuple[Tensor, ...]:
    """Matrices that read the slots w (wish), n (name) or s (story)."""
    eye = torch.eye(3 * n)
    part = {"w": eye[:, :n], "n": eye[:, n : 2 * n], "s": eye[:, 2 * n :], "0": 0 * eye[:, :n]}
    return tuple(part[letter] for letter in order)


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
    "project": [
        (lambda x, linear: x @ linear.weight, "multiply by the transpose"),
        (lambda x, linear: linear.weight @ x, "multiply by the transpose"),
        (lambda x, linear: linear.weight.T, "this is the weight"),
        (lambda x, linear: linear.weight @ x.T, "expected shape (5, 3), got (3, 5)"),
        (lambda x, linear: 2 * x @ linear.weight.T, "the values are not"),
        (lambda x, linear: linear(x), "the layer was called"),
    ],
    "fuse": [
        (lambda q, k, v: linear(three(k, q, v)), "is not query, key, value"),
        (lambda q, k, v: linear(three(q, v, k)), "query, value, key"),
        (lambda q, k, v: linear(three(q, q, q)), "only one of the three"),
        (lambda q, k, v: linear(torch.stack([q, k, v], -1).flatten(1).T), "interleaved"),
        (lambda q, k, v: linear(three(q, k, v), bias=True), "has a bias"),
        (lambda q, k, v: linear(torch.cat([q, k, v], 1)), "stores its weight as (d_out, d_in)"),
        (lambda q, k, v: linear(torch.cat([q, k, v], 0).T), "takes vectors of width 9, not of 3"),
        (lambda q, k, v: three(q, k, v), "expected a torch.nn.Linear, got Tensor"),
        (copy_without_no_grad, "inside torch.no_grad()"),
        (frozen, "can no longer be trained"),
        (shared_memory, "they share their memory"),
    ],
    "attention-weights": [
        (lambda q, k: weights(q, k), "scores are not scaled"),
        (lambda q, k: weights(q, k, 3), "not by its square root"),
        (lambda q, k: torch.softmax((q @ k.transpose(-2, -1)).long(), -1), "PyTorch says"),
        (lambda q, k: weights(q, k, k.shape[-1]), "not by its square root"),
        (lambda q, k: weights(q, k, k.shape[-2] ** 0.5), "number of keys"),
        (lambda q, k: weights(q, k, k.shape[-1] ** 0.5, -2), "runs over the queries"),
        (lambda q, k: q @ k.transpose(-2, -1) / k.shape[-1] ** 0.5, "Apply softmax over the keys"),
        (lambda q, k: weights(q, k) / k.shape[-1] ** 0.5, "scaling came after the softmax"),
        (lambda q, k: torch.softmax(q @ k, -1), "Exchange the last two axes"),
    ],
    "design-lookup": [
        (lambda n: slots(8, "wns"), "one for each entry"),
        (lambda n: (0.04 * slots(n, "w")[0], *slots(n, "ns")), "the values are not"),
        (lambda n: slots(n, "nws"), "hears whoever asks for them"),
        (lambda n: slots(n, "nwn"), "hears the name of whoever asks for them"),
        (lambda n: slots(n, "nns"), "hears their own story"),
        (lambda n: slots(n, "00s"), "average of all stories"),
        (lambda n: slots(n, "wnn"), "but with a name"),
        (lambda n: slots(n, "wnw"), "but with a wish"),
        (lambda n: tuple(m.T for m in slots(n, "wns")), "one for each entry"),
        (lambda n: slots(n, "wn"), "expected three matrices"),
        (lambda n: (torch.eye(3 * n), *slots(n, "ns")), "make them equal"),
    ],
    "disguise": [
        (lambda q, k, a: (q @ a, k @ torch.linalg.inv(a)), "inverse has to be transposed"),
        (lambda q, k, a: (q @ a, k @ a), "both got a"),
        (lambda q, k, a: (q @ a, k), "the keys are unchanged"),
        (lambda q, k, a: (q @ a, k @ a.T), "only if a is orthogonal"),
        (lambda q, k, a: (q, k), "it is the old matrix"),
        (lambda q, k, a: (q @ a, k.float()), "expected a torch.float64 tensor"),
        (lambda q, k, a: (q @ a, (k @ torch.linalg.inv(a).T).T), "expected a torch.float64 tensor"),
        (lambda q, k, a: (q @ a.T, k @ torch.linalg.inv(a)), "a was transposed"),
    ],
}
