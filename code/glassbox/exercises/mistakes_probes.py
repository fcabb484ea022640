"""Checks of the exercises on probes in the chapter on models that train and are wrong."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glassbox.exercises.engine import Wrong, compare, draw, exercise, unlike
from glassbox.exercises.mistakes import plain, refuse


def _mixer(links: Tensor, vocab_size: int) -> Callable[[Tensor], Tensor]:
    """Return a model whose logits at place i depend on the places that row i of `links` allows."""
    table = draw(vocab_size, vocab_size, seed=3)
    strength = links * (0.5 + draw(*links.shape, seed=4).abs())
    return lambda tokens: strength @ table[tokens]


def _models() -> dict[str, Tensor]:
    """Return who sees whom in a few models, some of them right."""
    lone = torch.eye(6)
    lone[0, 2] = lone[1, 4] = 1.0
    return {
        "a correct causal model": torch.ones(6, 6).tril(),
        "a mask off by one": torch.ones(7, 7).tril(1),
        "a mask off by one in each of three blocks": torch.ones(7, 7).tril(3),
        "no mask": torch.ones(5, 5),
        "a swapped mask": torch.ones(6, 6).triu(1),
        "two rows that see one late token each": lone,
        "rows that see only themselves": torch.eye(4),
    }


def _misjudged(links: Tensor) -> dict[str, int]:
    """Return what each common mistake makes of a model, by the sentence that explains it."""
    ahead = [(j - i).item() for i, j in links.nonzero()] + [0]
    return {
        "a row's own token is counted as well. Where only that is seen, the reach is 0.": (
            max(ahead) + 1
        ),
        "the number of pairs is counted. Asked is the longest way ahead.": sum(
            a > 0 for a in ahead
        ),
        "looking back is no leak. Count j - i only where j comes after i.": max(map(abs, ahead)),
        "only the next token was changed for each row. Try every later one.": int(1 in ahead),
        "only the first row was watched. Another may see further.": int(links[0].nonzero().max())
        if links[0].any()
        else 0,
        "only the last token was changed. Change every one in turn.": int(
            max([0, *(len(links) - 1 - i for i in links[:-1, -1].nonzero()[:, 0].tolist())])
        ),
        "the changes pile up. Change one token of the original at a time: `tokens.clone()`.": (
            len(links) - 1
        ),
        "that is how many tokens the busiest row sees. Asked is how far ahead.": int(
            links.triu(1).sum(1).max()
        ),
    }


@exercise("future-reach")
def future_reach(answer: Callable[[Callable, Tensor, Tensor], int]) -> None:
    """`answer(model, tokens, others)` is by how many places a row sees ahead, at most."""
    models, found = _models(), []
    for seed, links in enumerate(models.values()):
        seq = len(links)
        tokens = torch.arange(2 * seq).reshape(2, seq) % 5
        others = (tokens + 1 + seed % 4) % 5
        got = plain(answer(_mixer(links, 5), tokens.clone(), others.clone()))
        if isinstance(got, bool) or not isinstance(got, int | float):
            raise Wrong(f"expected a number of places, 0 for a causal model, got {got!r}.")
        found.append(int(got))
    want = [max([0, *(int(j - i) for i, j in links.nonzero())]) for links in models.values()]
    misjudged = [_misjudged(links) for links in models.values()]
    causes = {cause: [each[cause] for each in misjudged] for cause in misjudged[0]}
    refuse(found, want, list(models), causes)


def _running(
    kind: str, seed: int, seq: int
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Any], tuple[Tensor, Any]]]:
    """Return a model that averages what it has read, and one step of it with a cache."""
    table, places = draw(6, 4, seed=seed), draw(seq + 1, 4, seed=seed + 50)

    def model(tokens: Tensor) -> Tensor:
        x = table[tokens] + places[: tokens.shape[1]]
        return x.cumsum(dim=1) / torch.arange(1, tokens.shape[1] + 1)[:, None]

    def step(token: Tensor, cache: Any) -> tuple[Tensor, Any]:
        if token.shape[1:] != (1,):
            raise Wrong(
                f"step was handed ids of shape {tuple(token.shape)}; expected (B, 1), one column: "
                "what came before is in the cache."
            )
        total, n = (torch.zeros(len(token), 1, 4), 0) if cache is None else cache
        place = 0 if kind == "places from 0" else n
        total = total + table[token] + places[place]
        kept = torch.zeros_like(total) if kind == "forgets the first" and n == 0 else total
        return total / (n + 1), (kept, n + 1)

    return model, step


@exercise("same-with-cache")
def same_with_cache(answer: Callable[[Callable, Callable, Tensor], Tensor]) -> None:
    """`answer(model, step, tokens)` is the largest difference that the cache makes."""
    kinds = ("correct", "forgets the first", "places from 0", "correct", "forgets the first")
    for seed, kind in enumerate(kinds):
        seq = (5, 4, 6, 1, 3)[seed]
        model, step = _running(kind, seed, seq)
        tokens = torch.randint(6, (3, seq), generator=torch.Generator().manual_seed(seed))
        cache, rows, fresh = None, [], []
        for t in range(seq):
            row, cache = step(tokens[:, t : t + 1], cache)
            rows.append(row)
            fresh.append(step(tokens[:, t : t + 1], None)[0])
        gap = torch.cat(rows, dim=1) - model(tokens)
        want = gap.abs().max()
        causes = {
            "the cache is not handed on: each step begins anew.": (
                torch.cat(fresh, dim=1) - model(tokens)
            )
            .abs()
            .max(),
            "only the last token is compared. An error can show earlier.": gap[:, -1].abs().max(),
            "one row is compared with all. Collect a row for each token.": (
                rows[-1] - model(tokens)
            )
            .abs()
            .max(),
            "only the first text is compared.": gap[0].abs().max(),
            "a difference below 0 counts as well: take the absolute value first.": gap.max(),
            "the mean hides what one token suffers. Take the largest difference.": gap.abs().mean(),
            "the differences are summed. Take the largest one.": gap.abs().sum(),
        }
        got = answer(model, step, tokens.clone())
        got = torch.tensor(got) if isinstance(got, float | int) else got
        what = f"{seq} tokens, a cache that is or does: {kind}"
        compare(got, want, what, unlike(want, causes, atol=1e-5))
