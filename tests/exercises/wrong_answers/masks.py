"""Plausible wrong answers to the exercises on masks."""

import torch
import torch.nn.functional as F
from torch import Tensor


def compared(compare, shift: bool = True):
    """A mask made by comparing keys with queries."""

    def answer(n_queries: int, n_keys: int) -> Tensor:
        queries = torch.arange(n_queries)[:, None] + (n_keys - n_queries if shift else 0)
        return compare(torch.arange(n_keys), queries)

    return answer


def converted(allowed=None, blocked=None, numbers=None, additive=None):
    """A converter, right but for the conventions that are given."""
    right = {
        "allowed": lambda mask: mask,
        "blocked": lambda mask: ~mask,
        "numbers": lambda mask: mask == 1,
        "additive": lambda mask: mask == 0,
    }
    wrong = {"allowed": allowed, "blocked": blocked, "numbers": numbers, "additive": additive}
    return lambda mask, convention: (wrong[convention] or right[convention])(mask)


def decoder(join, triangle=torch.Tensor.tril, pad=None):
    """A mask of both, joined in some way from `real` (B, T) and the triangle."""

    def answer(ids: Tensor, pad_id: int) -> Tensor:
        seq = ids.shape[1]
        real = ids != (pad_id if pad is None else pad)
        return join(real, triangle(torch.ones(seq, seq)).bool())

    return answer


def gradients(function, x: Tensor) -> Tensor:
    """The derivative of each output row by each input: (T, B, T, D)."""
    x = x.clone().requires_grad_()
    output = function(x)
    factors = torch.rand_like(output)
    rows = [(factors[:, i] * output[:, i]).sum() for i in range(x.shape[1])]
    return torch.stack([torch.autograd.grad(row, x, retain_graph=True)[0] for row in rows])


def by_pairs(function, x: Tensor) -> Tensor:
    """Whether output i depends on input j: (T, T)."""
    return gradients(function, x).abs().sum(dim=(1, 3)) > 0


def plain_sum(function, x: Tensor) -> bool:
    x = x.clone().requires_grad_()
    output = function(x)
    for i in range(x.shape[1] - 1):
        gradient = torch.autograd.grad(output[:, i].sum(), x, retain_graph=True)[0]
        if (gradient[:, i + 1 :].abs() > 1e-4).any():
            return True
    return False


def graph_freed(function, x: Tensor) -> bool:
    x = x.clone().requires_grad_()
    output = function(x)
    return any(torch.autograd.grad(output[:, i].sum(), x)[0][:, i + 1 :].any() for i in range(2))


def first_sequence_only(function, x: Tensor) -> bool:
    return bool((gradients(function, x)[:, 0].abs().sum(dim=-1) > 0).triu(1).any())


def loss_of_each(logits: Tensor, targets: Tensor, dim: int = -1) -> Tensor:
    log_p = torch.log_softmax(logits, dim=dim)
    return -log_p.gather(-1, targets.clamp(min=0)[..., None])[..., 0]


def by_softmax(logits: Tensor, targets: Tensor) -> Tensor:
    p = torch.softmax(logits, dim=-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -p.log()[targets != -100].mean()


def mean_of_means(logits: Tensor, targets: Tensor) -> Tensor:
    counted = targets != -100
    return ((loss_of_each(logits, targets) * counted).sum(1) / counted.sum(1)).mean()


WRONG_ANSWERS = {
    "causal-mask": [
        (compared(lambda k, q: k > q), "True marks what is blocked"),
        (compared(lambda k, q: k < q), "does not see its own position"),
        (compared(lambda k, q: k <= q, shift=False), "They are the last ones"),
        (compared(lambda k, q: k >= q), "sees what comes after it"),
        (compared(lambda k, q: k <= q + 1), "the position after its own"),
        (compared(lambda k, q: torch.ones_like(k <= q)), "everything is allowed"),
        (compared(lambda k, q: (k <= q).float()), "expected a boolean mask, got torch.float32"),
        (compared(lambda k, q: (k <= q).T), "A row belongs to a query"),
        (lambda q, k: torch.arange(k) <= torch.arange(q), "compare a column of positions"),
        (lambda q, k: torch.ones(k, k).tril().bool(), "expected shape (3, 5), got (5, 5)"),
    ],
    "to-allowed": [
        (lambda mask, convention: mask, "every entry is turned round"),
        (converted(allowed=lambda mask: ~mask), "True may attend already"),
        (converted(blocked=lambda mask: mask), "True is blocked"),
        (converted(numbers=lambda mask: mask == 0), "1 may attend."),
        (converted(numbers=lambda mask: ~mask), "expected a boolean mask, got torch.int64"),
        (converted(additive=lambda mask: mask.bool()), "so 0 is True"),
        (converted(additive=lambda mask: ~mask), "~ is for booleans"),
        (converted(additive=lambda mask: mask <= 0), "everything is allowed"),
        (converted(numbers=lambda mask: mask), "got torch.int64"),
        (converted(blocked=lambda mask: None), "lacks a `return`"),
    ],
    "decoder-mask": [
        (decoder(lambda real, tri: ~(real[:, None, None] & tri)), "True marks what is blocked"),
        (
            decoder(lambda real, tri: real[:, None, None] & tri[-1:]),
            "expected shape (2, 1, 5, 5)",
        ),
        (
            decoder(lambda real, tri: real[:, None, None].expand(-1, 1, len(tri), -1)),
            "the future is not hidden",
        ),
        (
            decoder(lambda real, tri: tri.expand(len(real), 1, -1, -1)),
            "the padding is not hidden",
        ),
        (decoder(lambda real, tri: real[:, None, :, None] & tri), "as a query, not as a key"),
        (
            decoder(lambda real, tri: real[:, None, None] & real[:, None, :, None] & tri),
            "as a query as well",
        ),
        (decoder(lambda real, tri: real[:, None, None] | tri), "joined by 'or'"),
        (decoder(lambda real, tri: real[:, None, None] & tri, torch.Tensor.triu), "comes after it"),
        (
            decoder(lambda real, tri: real[:, None, None] & tri, lambda t: t.tril(-1)),
            "The diagonal is allowed",
        ),
        (decoder(lambda real, tri: real[:, None] & tri), "axis of the heads is missing"),
        (decoder(lambda real, tri: ~real[:, None, None] & tri), "Use !="),
        (decoder(lambda real, tri: real & tri), "the axes do not line up"),
        (decoder(lambda real, tri: real[:, None, None] & tri, pad=0), "It is pad_id"),
        (decoder(lambda real, tri: (real[:, None, None] & tri).long()), "got torch.int64"),
    ],
    "leaks": [
        (lambda function, x: False, "self-attention without a mask was judged harmless"),
        (lambda function, x: True, "look at later ones only"),
        (lambda function, x: bool(by_pairs(function, x).any()), "look at later ones only"),
        (lambda function, x: bool(by_pairs(function, x).tril(-1).any()), "look at later ones only"),
        (
            lambda function, x: bool(by_pairs(function, x).diagonal(1).any()),
            "not only at the next one",
        ),
        (lambda function, x: by_pairs(function, x).triu(1), "got a tensor of shape (5, 5)"),
        (lambda function, x: by_pairs(function, x).triu(1).any(), "wrap it in bool()"),
        (lambda function, x: bool(by_pairs(function, x)[0, -1]), "Look at all pairs"),
        (lambda function, x: bool(by_pairs(function, x)[0, 1:].any()), "Look at all pairs"),
        (plain_sum, "is always 0"),
        (graph_freed, "retain_graph=True"),
        (first_sequence_only, "every sequence of the batch"),
    ],
    "masked-loss": [
        (
            lambda logits, targets: (loss_of_each(logits, targets) * (targets != -100)).mean(),
            "Divide by the number of those that count",
        ),
        (
            lambda logits, targets: loss_of_each(logits, targets)[targets != -100].sum(),
            "this is the sum",
        ),
        (lambda logits, targets: loss_of_each(logits, targets).mean(), "count as class 0"),
        (
            lambda logits, targets: -loss_of_each(logits, targets)[targets != -100].mean(),
            "the sign is wrong",
        ),
        (mean_of_means, "Every target that counts weighs the same"),
        (
            lambda logits, targets: loss_of_each(logits, targets)[targets != -100],
            "Take the mean",
        ),
        (
            lambda logits, targets: loss_of_each(logits, targets, dim=1)[targets != -100].mean(),
            "over the positions",
        ),
        (by_softmax, "Use log_softmax"),
        (
            lambda logits, targets: (
                -logits.log_softmax(-1).gather(-1, targets[..., None])[targets != -100].mean()
            ),
            "-100 is no class",
        ),
        (
            lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets.flatten()),
            "it is the mean of nothing",
        ),
        (
            lambda logits, targets: (
                loss_of_each(logits, targets)[targets != -100].mean()
                if (targets != -100).any()
                else None
            ),
            "nothing came back",
        ),
    ],
}
