"""A model that is trained with a mistake, and what its maker sees of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, default_collate

from glassbox import checks
from glassbox.corpora import Corpus
from glassbox.generation import Sampler, generate
from glassbox.gpt import GPT, GPTConfig
from glassbox.mistakes.measures import loss_in_use, prefix_loss, reported_loss
from glassbox.mistakes.planting import plant
from glassbox.training import Batches
from glassbox.training.surroundings import own_randomness

ABOUT_DROPOUT = ("dropout_in_evaluation", "stuck_in_eval")
"""The mistakes that show only where there is dropout."""

_POINTS = 20
_EVALUATIONS = 4


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What training with a mistake reports, and what the model is worth. All losses are in nats.

    Args:
        name: the mistake; None for the correct model.
        seed: of the parameters, the order of the data and dropout.
        dropout: share of numbers that are set to 0 while training.
        first: the training loss before the first update.
        train: the training loss, as means over 20 stretches of equal length.
        reported: the held-out loss as it is usually measured, `model(tokens, targets).loss`.
        prefix_only: the same targets, the model being given only what stands before each.
        in_use: the same targets, token by token: padded prompts, a cache, no targets around.
        sample: a text that the model has written, its prompt first.
        floor: the smallest loss that is possible; None where nobody knows.

    Example:
        >>> trial = Trial(name="no_mask", seed=0, reported=0.1, prefix_only=5.0, in_use=5.0)
        >>> trial.gap
        4.9
    """

    name: str | None
    seed: int
    dropout: float = 0.0
    first: float = 0.0
    train: tuple[float, ...] = ()
    reported: float
    prefix_only: float
    in_use: float
    sample: str = ""
    floor: float | None = None

    @property
    def gap(self) -> float:
        """How much worse the model is in use than was reported."""
        return self.in_use - self.reported


def trial(
    name: str | None,
    seed: int,
    *,
    corpus: Corpus,
    steps: int,
    dropout: float | None = None,
    batch_size: int = 16,
    rate: float = 3e-3,
    windows: int = 64,
    sample: int = 80,
    dtype: torch.dtype = torch.float32,
    floor: float | None = None,
) -> Trial:
    """Train a small GPT with a mistake in it, and measure it as its maker would, and as it is used.

    The GPT has 2 blocks, width 64, 4 heads and learned positions. It is trained by AdamW at a
    fixed rate, and evaluated four times on the way, with `eval()` and then `train()`.

    Args:
        name: one of `MISTAKES`; None for the correct model.
        seed: of the parameters, the order of the data and dropout.
        corpus: windows of token ids and the targets; all of one length.
        steps: number of updates, from 20.
        dropout: share of numbers set to 0; if not given, 0.1 for the two mistakes about dropout,
            and 0 for all others.
        batch_size: number of windows in a batch; not more than there are tokens in a window.
        rate: the learning rate.
        windows: how many held-out windows are measured, spread over all of them.
        sample: number of tokens that it writes.
        dtype: floating-point type; in `torch.float64` the digits that one prints are the same on
            every machine.
        floor: the smallest loss that is possible, where it is known; it is only noted down.

    Returns:
        What was measured. PyTorch's own generator is left as it was.

    Raises:
        ValueError: if there is no such mistake, `steps` is below 20, or a number is out of range.

    Example:
        >>> from glassbox.corpora import grammar
        >>> corpus = grammar(n_tokens=4_000, context_length=16)
        >>> result = trial("unscaled", seed=0, corpus=corpus, steps=20, windows=2)
        >>> len(result.train), result.train[-1] < result.first
        (20, True)
    """
    checks.positive(steps=steps, windows=windows, sample=sample)
    if steps < _POINTS:
        raise ValueError(
            f"steps is {steps}; expected {_POINTS} or more, one for each point of the curve."
        )
    dropout = usual_dropout(name) if dropout is None else dropout
    inputs, targets = _spread(corpus.held_out, windows)
    with own_randomness(torch.device("cpu"), seed):
        model = _build(corpus, inputs.shape[1], dropout).to(dtype)
        if name is not None:
            plant(model, name)
        batches = Batches(corpus.train, batch_size, seed=seed)
        losses = _train(model, batches, steps=steps, rate=rate, held_out=(inputs, targets))
        model.eval()
        found = {
            "reported": reported_loss(model, inputs, targets),
            "prefix_only": prefix_loss(model, inputs, targets),
            "in_use": loss_in_use(model, inputs, targets),
            "sample": _write(model, inputs[:1], corpus, sample),
        }
    parts = torch.tensor(losses, dtype=torch.float64).tensor_split(_POINTS)
    curve = tuple(float(part.mean()) for part in parts)
    noted = {"name": name, "seed": seed, "dropout": dropout, "floor": floor}
    return Trial(**noted, first=losses[0], train=curve, **found)


def usual_dropout(name: str | None) -> float:
    """Return the share of dropout with which a mistake shows."""
    return 0.1 if name in ABOUT_DROPOUT else 0.0


def _build(corpus: Corpus, context_length: int, dropout: float) -> GPT:
    """Return the correct model, its parameters freshly drawn."""
    sizes: dict[str, Any] = {"d_model": 64, "n_heads": 4, "n_layers": 2, "dropout": dropout}
    vocab_size = corpus.tokenizer.vocab_size
    return GPT(GPTConfig(vocab_size=vocab_size, context_length=context_length, **sizes))


def _train(
    model: nn.Module,
    batches: Batches,
    *,
    steps: int,
    rate: float,
    held_out: tuple[Tensor, Tensor],
) -> list[float]:
    """Train as people do, and return the loss of each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True)
    losses = []
    model.train()
    for step in range(steps):
        if step % (steps // _EVALUATIONS) == 0:
            model.eval()
            reported_loss(model, *held_out)
            model.train()
        tokens, targets = batches[step]
        loss = model(tokens, targets).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _spread(dataset: Dataset, n: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of n items, from the first to the last."""
    last = len(dataset) - 1
    rows = [round(last * i / max(1, n - 1)) for i in range(n)]
    inputs, targets = default_collate([dataset[row] for row in rows])
    return inputs, targets


def _write(model: nn.Module, row: Tensor, corpus: Corpus, n: int) -> str:
    """Return the first quarter of a row, and what the model makes of it."""
    prompt = row[:, : row.shape[1] // 4]
    text = generate(model, prompt, n, sampler=Sampler(temperature=0.8), seed=0)
    return corpus.tokenizer.decode(text[0])
