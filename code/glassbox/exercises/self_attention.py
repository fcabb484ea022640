"""Checks of the exercises in the chapter on self-attention without weights."""

from collections.abc import Callable

import torch
from torch import Tensor

from glassbox.attention import attention
from glassbox.exercises.engine import Wrong, blame, compare, exercise


def _tokens(*shape: int, seed: int = 0) -> Tensor:
    """Random token vectors that are the same for everybody."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@exercise("context-of")
def context_of(answer: Callable[[Tensor, int], Tensor]) -> None:
    """`answer(inputs, index)` is the context vector of one token, without weights."""
    for seed, (tokens, width) in enumerate([(6, 3), (4, 4), (5, 2)]):
        inputs, index = _tokens(tokens, width, seed=seed), seed
        scores = inputs @ inputs[index]
        context, weights = attention(inputs, inputs, inputs, scale=1.0)
        causes = {
            "these are the attention weights. One step is left: use them to average the "
            "inputs.": weights[index],
            "these are the raw scores. They still have to become weights and average the "
            "inputs.": scores,
            "the scores were divided by their sum. That fails as soon as one is negative: use "
            "softmax.": scores @ inputs / scores.sum(),
            "the raw scores were used as weights. Softmax comes first: the weights must sum to "
            "1.": scores @ inputs,
            "this is the plain average, the same for every token. Weight each input by its "
            "attention weight.": inputs.mean(0),
            "this is the context of the token before. Python counts from 0.": context[index - 1],
            "this holds all tokens. Return the row of one token.": context,
            "the scores were divided by the square root of the width. That belongs to the "
            "trainable version; leave it out here.": attention(inputs, inputs, inputs)[0][index],
        }
        compare(answer(inputs.clone(), index), context[index], "the context vector", causes)


@exercise("stable-softmax")
def stable_softmax(answer: Callable[[Tensor, int], Tensor]) -> None:
    """`answer(scores, dim)` is a softmax along `dim` that no finite score can break."""
    for seed, (shape, dim) in enumerate([((4, 3), -1), ((4, 3), 0), ((2, 3, 3), 1), ((5,), 0)]):
        scores = _tokens(*shape, seed=seed)
        want = torch.softmax(scores, dim=dim)
        causes = {
            f"the sum runs over the whole tensor, not along dim={dim}.": torch.softmax(
                scores.flatten(), dim=0
            ).reshape(shape),
            "these are exponentials. Divide them by their sum.": scores.exp(),
            "the exponentials of scores minus maximum are right. Divide them by their sum.": (
                scores - scores.amax(dim, keepdim=True)
            ).exp(),
        }
        for other in {-1, 0, len(shape) - 2} - {dim} if len(shape) > 1 else ():
            mistaken = torch.softmax(scores, dim=other)
            causes[f"the softmax ran along dim={other}, but dim={dim} was asked for."] = mistaken
        compare(answer(scores.clone(), dim), want, f"the softmax of a {shape} tensor", causes)
    _check_extremes(answer)


def _check_extremes(answer: Callable[[Tensor, int], Tensor]) -> None:
    """Try scores whose exponentials overflow, underflow, or do both in one matrix."""
    for row in ([1000.0, 0.0], [-1000.0, -1000.0]):
        got = answer(torch.tensor(row), 0)
        if not torch.isfinite(got).all():
            raise Wrong(
                f"the softmax of {row} came out as {got.tolist()}: exp overflows or underflows. "
                "Subtract the largest score first; it changes nothing else."
            )
    rows = torch.tensor([[1000.0, 0.0], [-1000.0, -1001.0]])
    got = answer(rows.clone(), -1)
    if not torch.isfinite(got).all():
        raise Wrong(
            "one row of large scores broke a row of small ones: the maximum was taken over the "
            "whole tensor. Take it along dim, with keepdim=True."
        )
    compare(got, torch.softmax(rows, -1), "the softmax of rows of very different size")


@exercise("self-attention")
def self_attention(answer: Callable[[Tensor, float], tuple[Tensor, Tensor]]) -> None:
    """`answer(x, temperature)` is `(context, weights)` for a batch of sentences."""
    sizes = [(2, 4, 3, 0.5), (1, 6, 3, 2.0), (3, 3, 3, 1.0)]
    for seed, (batch, tokens, width, temperature) in enumerate(sizes):
        x = _tokens(batch, tokens, width, seed=seed)
        with blame(
            "x.T turns all three axes of a batch around. Exchange the last two: transpose(-2, -1)."
        ):
            got = answer(x.clone(), temperature)
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong("expected two tensors, `return context, weights`.")
        context, weights = attention(x, x, x, scale=1 / temperature)
        scores = x @ x.transpose(-2, -1)
        cooled = scores / temperature
        causes = {
            "your columns sum to 1, your rows do not: the softmax runs over the queries. Use "
            "dim=-1.": torch.softmax(cooled, -2),
            "each pair of tokens sums to 1 over the batch: the softmax runs over the sentences. "
            "Use dim=-1.": torch.softmax(cooled, 0),
            "these are scores. Apply softmax along the last axis.": cooled,
            "the temperature has no effect: divide the scores by it.": torch.softmax(scores, -1),
            "the scores were multiplied by the temperature. Divide.": torch.softmax(
                scores * temperature, -1
            ),
            "the temperature came after the softmax: the rows no longer sum to 1.": torch.softmax(
                scores, -1
            )
            / temperature,
            "the scores were divided by the square root of the width as well. That belongs to the "
            "trainable version; leave it out here.": torch.softmax(cooled / width**0.5, -1),
            "context and weights are swapped. Return (context, weights).": context,
        }
        compare(got[1], weights, "the attention weights", causes)
        causes = {
            "the weights are transposed: row i must average with the weights of query "
            "i.": weights.transpose(-2, -1) @ x,
            "this is the input. Multiply the weights with it.": x,
        }
        compare(got[0], context, "the context vectors", causes)


@exercise("attend-to")
def attend_to(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(x, memory)` is the context of each row of x, made of the rows of memory."""
    for seed, (tokens, sources, width) in enumerate([(2, 5, 3), (4, 4, 3), (6, 1, 2)]):
        x = _tokens(tokens, width, seed=seed)
        memory = _tokens(sources, width, seed=seed + 10)
        want = attention(x, memory, memory, scale=1.0)[0]
        causes = {
            "the roles are the wrong way round: x asks, memory is looked at and "
            "delivers.": attention(memory, x, x, scale=1.0)[0],
            "x looks at itself. Score it against memory.": attention(x, x, x, scale=1.0)[0],
            "the scores were divided by the square root of the width. That belongs to the "
            "trainable version; leave it out here.": attention(x, memory, memory)[0],
            "memory looks at itself. The rows of x are the queries.": attention(
                memory, memory, memory, scale=1.0
            )[0],
        }
        if tokens == sources:
            weights = torch.softmax(x @ memory.T, -1)
            cause = "the scores are right, but x was averaged. What is delivered is memory."
            causes[cause] = weights @ x
            cause = "the softmax runs over the queries. Each row of x shares 1 among the memory."
            causes[cause] = torch.softmax(x @ memory.T, 0) @ memory
        compare(answer(x.clone(), memory.clone()), want, "the context vectors", causes)


@exercise("is-equivariant")
def is_equivariant(answer: Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], bool]) -> None:
    """`answer(layer, x, order)` tells whether reordering before and after are the same."""
    x, order = _tokens(5, 3), torch.tensor([2, 0, 4, 1, 3])
    cases = [
        ("the layer that changes nothing", lambda x: x, True),
        ("self-attention", lambda x: attention(x, x, x)[0], True),
        ("each token scaled on its own", lambda x: 3 * x.tanh(), True),
        ("the running sum over tokens", lambda x: x.cumsum(0), False),
        ("the reversal of the sentence", lambda x: x.flip(0), False),
        ("one place of the sentence changed", lambda x: x + (torch.arange(5) == 1)[:, None], False),
        ("a position number added to each token", lambda x: x + torch.arange(5.0)[:, None], False),
        ("the layer that outputs the first token everywhere", lambda x: x[:1].expand(5, 3), False),
    ]
    for name, layer, want in cases:
        got = answer(layer, x.clone(), order.clone())
        if not isinstance(got, bool):
            raise Wrong(f"expected True or False, got {type(got).__name__}: wrap it in bool(…).")
        if got == want:
            continue
        if name == "self-attention":
            raise Wrong(
                "self-attention came out as not equivariant. Compare layer(x[order]) with "
                "layer(x)[order], and with torch.allclose: sums in another order differ in "
                "their last digit."
            )
        invariant = name == "the layer that changes nothing"
        hint = " You may have tested invariance, layer(x[order]) against layer(x)."
        raise Wrong(
            f"{name} is {'' if want else 'not '}equivariant, but the answer was {got}."
            + hint * invariant
            + " The whole output must be compared, in the order given." * (not invariant)
        )
