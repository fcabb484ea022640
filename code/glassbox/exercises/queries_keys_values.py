"""Checks of the exercises in the chapter on queries, keys and values."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassbox.attention import attention
from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise


class _WeightOnly(nn.Linear):
    """A linear layer that must not be called."""

    def forward(self, x: Tensor) -> Tensor:
        raise Wrong("the layer was called. Use @ and its weight only.")


@exercise("project")
def project(answer: Callable[[Tensor, nn.Linear], Tensor]) -> None:
    """`answer(x, linear)` is `linear(x)`, written with the layer's weight."""
    for seed, (d_in, d_out) in enumerate([(3, 3), (3, 2), (4, 7)]):
        x, linear = draw(5, d_in, seed=seed), _WeightOnly(d_in, d_out, bias=False)
        with torch.no_grad():
            linear.weight.copy_(draw(d_out, d_in, seed=seed + 10))
        causes = {"this is the weight, not its product with x.": linear.weight.detach().T}
        if d_in == d_out:
            cause = "nn.Linear stores its weight as (d_out, d_in): multiply by the transpose."
            causes[cause] = (x @ linear.weight).detach()
        with blame("nn.Linear stores its weight as (d_out, d_in): multiply by the transpose."):
            got = answer(x.clone(), linear)
        compare(got, (x @ linear.weight.T).detach(), "the projection", causes)


@exercise("fuse")
def fuse(answer: Callable[[Tensor, Tensor, Tensor], nn.Linear]) -> None:
    """`answer(w_q, w_k, w_v)` is one linear layer whose output is Q, K and V side by side."""
    for seed, (d_in, d_head) in enumerate([(3, 1), (4, 2), (3, 5)]):
        w_q, w_k, w_v = draw(3, d_in, d_head, seed=seed)
        with blame(
            "side by side, the three matrices have shape (d_in, 3 * d_head), and the weight of "
            "nn.Linear has the two sizes the other way round: transpose, and copy the values "
            "inside torch.no_grad()."
        ):
            got = answer(w_q, w_k, w_v)
        if not isinstance(got, nn.Linear):
            raise Wrong(f"expected a torch.nn.Linear, got {type(got).__name__}.")
        if got.bias is not None:
            raise Wrong("the layer has a bias: build it with bias=False.")
        if not isinstance(got.weight, nn.Parameter) or not got.weight.requires_grad:
            raise Wrong("the layer's weight can no longer be trained: copy values into it.")
        x = draw(5, d_in, seed=seed + 10)
        if got.in_features != d_in or got.weight.shape[1] != d_in:
            raise Wrong(f"the layer takes vectors of width {got.in_features}, not of {d_in}.")
        want = [x @ w for w in (w_q, w_k, w_v)]
        q, k, v = want
        causes = {
            "the order of the three is not query, key, value.": torch.cat([k, q, v], -1),
            "the order of the three is query, value, key.": torch.cat([q, v, k], -1),
            "only one of the three arrived, three times.": torch.cat([q, q, q], -1),
            "the three are interleaved, entry by entry. Put them side by side.": torch.stack(
                want, -1
            ).flatten(-2),
        }
        if d_in == 3 * d_head:
            cause = "nn.Linear stores its weight as (d_out, d_in): transpose."
            causes[cause] = x @ torch.cat([w_q, w_k, w_v], 1).T
        compare(got(x.to(got.weight.dtype)), torch.cat(want, -1), "the layer's output", causes)
        nn.init.zeros_(got.weight)
        if not (w_q.any() and w_k.any() and w_v.any()):
            raise Wrong(
                "changing the layer changed the matrices: they share their memory. Copy the values."
            )


@exercise("attention-weights")
def attention_weights(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(q, k)` holds the scaled attention weights, for any leading axes."""
    for seed, (*batch, tokens, sources, d_k) in enumerate(
        [(4, 4, 9), (2, 5, 5, 3), (3, 3, 3, 3), (2, 3, 4, 6, 8)]
    ):
        q = draw(*batch, tokens, d_k, seed=seed)
        k = draw(*batch, sources, d_k, seed=seed + 10)
        scores = q @ k.transpose(-2, -1)
        causes = {
            "the scores are not scaled: divide them by the square root of d_k.": scores.softmax(-1),
            "the scores were divided by d_k, not by its square root.": (scores / d_k).softmax(-1),
            "the scores were divided by the square root of the number of keys. The width d_k of a "
            "key counts.": (scores / sources**0.5).softmax(-1),
            "your rows do not sum to 1: the softmax runs over the queries. Use dim=-1.": (
                scores / d_k**0.5
            ).softmax(-2),
            "these are the scaled scores. Apply softmax over the keys.": scores / d_k**0.5,
            "the scaling came after the softmax: the rows no longer sum to 1.": scores.softmax(-1)
            / d_k**0.5,
        }
        with blame(
            f"queries {tuple(q.shape)} and keys {tuple(k.shape)} could not be multiplied. Exchange "
            "the last two axes of the keys with transpose(-2, -1), which leaves batch axes alone."
        ):
            got = answer(q.clone(), k.clone())
        compare(got, (scores / d_k**0.5).softmax(-1), "the attention weights", causes)


@exercise("design-lookup")
def design_lookup(answer: Callable[[int], tuple[Tensor, Tensor, Tensor]]) -> None:
    """`answer(n)` gives W_Q, W_K, W_V that fetch the story of the guest who is wanted."""
    for n in (8, 5):
        got = answer(n)
        if not isinstance(got, tuple | list) or len(got) != 3:
            raise Wrong("expected three matrices, `return w_q, w_k, w_v`.")
        for name, matrix in zip(("w_q", "w_k", "w_v"), got, strict=True):
            if not isinstance(matrix, Tensor) or matrix.ndim != 2 or matrix.shape[0] != 3 * n:
                shape = tuple(matrix.shape) if isinstance(matrix, Tensor) else type(matrix).__name__
                raise Wrong(
                    f"{name} is {shape}; expected a matrix with {3 * n} rows, one for each entry "
                    "of a guest's vector (a row vector times a matrix)."
                )
        w_q, w_k, w_v = (matrix.float() for matrix in got)
        if w_q.shape[1] != w_k.shape[1]:
            raise Wrong(
                f"w_q maps to width {w_q.shape[1]}, w_k to {w_k.shape[1]}; make them equal."
            )
        generator = torch.Generator().manual_seed(n)
        wants, name, story = (torch.randperm(n, generator=generator) for _ in range(3))
        eye = torch.eye(n)
        x = torch.cat([eye[wants], eye[name], eye[story]], dim=-1)
        heard = attention(x @ w_q, x @ w_k, x @ w_v, scale=100.0)[0]
        holder = (wants[:, None] == name).float().argmax(-1)
        asker = (name[:, None] == wants).float().argmax(-1)
        causes = {
            "every guest hears whoever asks for them: w_q and w_k have each other's slot.": eye[
                story
            ][asker],
            "every guest hears their own story: w_q and w_k read the same slot.": eye[story],
            "every guest hears the average of all stories: no key matches a query.": eye[story]
            .mean(0)
            .expand(n, n),
            "every guest hears the name of whoever asks for them: w_q and w_k have each other's "
            "slot, and w_v reads the name.": eye[name][asker],
            "the right guest answers, but with a name: w_v reads that slot.": eye[name][holder],
            "the right guest answers, but with a wish: w_v reads that slot.": eye[wants][holder],
        }
        compare(heard, eye[story][holder], f"what {n} guests hear", causes, rtol=0.0, atol=1e-3)


@exercise("disguise")
def disguise(answer: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """`answer(w_q, w_k, a)` gives other projections with the same scores."""
    for seed, (d_in, d_k) in enumerate([(5, 3), (4, 4), (3, 2)]):
        w_q, w_k = (draw(d_in, d_k, seed=10 * seed + i).double() for i in (1, 2))
        a = draw(d_k, d_k, seed=10 * seed + 3).double() + 2 * torch.eye(d_k).double()
        got = answer(w_q.clone(), w_k.clone(), a.clone())
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong("expected two matrices, `return new_w_q, new_w_k`.")
        new_q, new_k = got
        for name, new, old in (("new_w_q", new_q, w_q), ("new_w_k", new_k, w_k)):
            if not isinstance(new, Tensor) or new.shape != old.shape or new.dtype != old.dtype:
                raise Wrong(f"{name}: expected a {old.dtype} tensor of shape {tuple(old.shape)}.")
        compare(new_q, w_q @ a, "new_w_q", {
            "it is the old matrix. The query projection becomes w_q @ a.": w_q,
            "a was transposed: it is w_q @ a.": w_q @ a.T,
        })  # fmt: skip
        inverse = torch.linalg.inv(a)
        compare(new_q @ new_k.T, w_q @ w_k.T, "the product new_w_q @ new_w_k.T", {
            "the inverse has to be transposed: (w_k @ m).T is m.T @ w_k.T, so m.T must undo "
            "a.": new_q @ (w_k @ inverse).T,
            "both got a. The keys need what undoes it.": new_q @ (w_k @ a).T,
            "the keys got the transpose of a. That undoes a only if a is "
            "orthogonal.": new_q @ (w_k @ a.T).T,
            "the keys are unchanged. They need what undoes a.": new_q @ w_k.T,
        })  # fmt: skip
