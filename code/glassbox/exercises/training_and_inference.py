"""Checks of the exercises in the chapter on training and inference."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbox.exercises.engine import blame, compare, exercise, unlike
from glassbox.gpt import GPT, GPTConfig
from glassbox.losses import IGNORED

SHAPES = [(2, 3, 5), (3, 3, 3), (1, 4, 6), (4, 2, 7), (5, 6, 4)]
"""Batch, places and classes: all different, and all equal."""


def _gpt(classes: int, seq: int, causal: bool, seed: int) -> GPT:
    """Return a small model whose predictions are far from even."""
    torch.manual_seed(seed)
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "d_ff": 16}
    model = GPT(GPTConfig(vocab_size=classes, context_length=seq, causal=causal, **sizes))
    model.head.weight.data *= 5
    return model.eval()


def draw_ids(*shape: int, classes: int, seed: int) -> Tensor:
    """Draw token ids that are the same for everybody."""
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


def ignore_some(targets: Tensor, seed: int) -> Tensor:
    """Ignore about a third of the targets, never all of a row."""
    drop = torch.rand(targets.shape, generator=torch.Generator().manual_seed(seed)) < 0.35
    drop[:, seed % targets.shape[1]] = False
    return targets.masked_fill(drop, IGNORED)


def loss_of_each(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of each place, 0 where none counts."""
    losses = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return losses.view(targets.shape)


@exercise("prefix-losses")
def prefix_losses(answer: Callable[[Any, Tensor], Tensor]) -> None:
    """`answer(model, text)` gives the loss of each next token, from a pass over its prefix."""
    for seed, (batch, seq, classes) in enumerate(SHAPES):
        for causal in (True, False):
            model = _gpt(classes, seq + 1, causal, seed)
            text = draw_ids(batch, seq + 1, classes=classes, seed=seed)
            with torch.no_grad():
                rows = [model(text[:, :t]).logits for t in range(1, seq + 1)]
                last = torch.stack([row[:, -1] for row in rows], dim=1)
                first = torch.stack([row[:, 0] for row in rows], dim=1)
                at_once = model(text[:, :-1]).logits
                short = torch.cat([model(text[:, t : t + 1]).logits for t in range(seq)], dim=1)
            want = loss_of_each(last, text[:, 1:])
            causes = {
                "these are the losses of one pass. Without a causal mask its rows have read what "
                "they predict; run the model on each prefix.": loss_of_each(at_once, text[:, 1:]),
                "each row is compared with the last token of its own prefix, which the model has "
                "read. Compare with the token behind it.": loss_of_each(last, text[:, :-1]),
                "the first row of each pass is used. It predicts the second token; use the last "
                "row.": loss_of_each(first, text[:, 1:]),
                "each token is predicted from the one token before it alone. Give the model the "
                "whole prefix.": loss_of_each(short, text[:, 1:]),
                "these are log probabilities. The loss has the other sign.": -want,
                "these are probabilities. The loss is minus their logarithm.": (-want).exp(),
                "this is the mean. Return the loss of each next token, (B, T).": want.mean(),
                "the texts are averaged. Each has losses of its own: (B, T).": want.mean(dim=0),
                "the places are averaged. Each has a loss of its own: (B, T).": want.mean(dim=1),
                "rows are places here. A row belongs to a text: stack with dim=1.": want.T,
            }
            with blame(
                f"text {tuple(text.shape)}: model(tokens).logits has shape (B, t, C); its last "
                "row, [:, -1], is compared with the ids text[:, t]."
            ):
                got = answer(model, text.clone())
            name = "a causal model" if causal else "a model without a mask"
            compare(got, want, f"the losses of {name}, text {tuple(text.shape)}",
                    unlike(want, causes))  # fmt: skip


@exercise("logit-gradient")
def logit_gradient(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(logits, targets)` is the gradient of the mean cross-entropy at the logits."""
    for seed, (batch, seq, classes) in enumerate(SHAPES):
        generator = torch.Generator().manual_seed(seed)
        logits = 3 * torch.randn(batch, seq, classes, generator=generator)
        targets = ignore_some(draw_ids(batch, seq, classes=classes, seed=seed), seed)
        counted = (targets != IGNORED)[..., None]
        one_hot = F.one_hot(targets.clamp(min=0), classes)
        p, n = logits.softmax(dim=-1), int(counted.sum())
        pull = (p - one_hot) * counted
        want = pull / n
        over_places = (logits.softmax(dim=1) - one_hot) * counted / n
        causes = {
            "the sign is turned round: it is softmax minus one-hot.": -want,
            "this is the gradient of the sum. Divide by the number of targets that count.": pull,
            "it is divided by the number of all targets. Those of -100 are not in the mean.": pull
            / (batch * seq),
            "rows whose target is -100 do not count; their gradient is 0.": (p - one_hot) / n,
            "rows whose target is -100 have no one-hot, but the softmax is left in them. Their "
            "gradient is 0.": (p - one_hot * counted) / n,
            "the one-hot of the target is missing.": p * counted / n,
            "the softmax is missing: logits minus one-hot.": (logits - one_hot) * counted / n,
            "the softmax runs over the places. Each row is one: dim=-1.": over_places,
            "it is divided by the number of classes as well.": want / classes,
        }
        with blame(
            f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)}: -100 is no class. "
            "Replace it before one_hot or gather, and give the targets a last axis to compare."
        ):
            got = answer(logits.clone(), targets.clone())
        what = f"the gradient of logits {tuple(logits.shape)}"
        compare(got, want, what, unlike(want, causes))
