"""Plausible wrong answers to the exercises on queries, keys and values."""

import torch
from torch import Tensor, nn


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
