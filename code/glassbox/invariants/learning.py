"""Probes of learning: the loss that a model starts from, what it measures, and that it can fall."""

import copy
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbox.invariants.comparing import TOLERANCE
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown
from glassbox.training.surroundings import own_randomness

NO_LOSS = "no loss known: give loss="
MARGIN = 0.5
"""How many nats the first loss may be above ln V_size: logits of fresh layers are not all 0."""


def first_loss(model: nn.Module | Subject) -> Verdict:
    """Check that a fresh model starts near the loss of knowing nothing, ln V_size.

    Args:
        model: a model that has not been trained.

    Returns:
        By how many nats the loss on random targets is above ln V_size.

    Source:
        Karpathy (2019), "A Recipe for Training Neural Networks", section 2 ("verify loss @ init"),
        https://karpathy.github.io/2019/04/25/recipe/

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> first_loss(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    if asked.trained:
        return Verdict("first_loss", None, "the model has been trained")
    tokens = asked.tokens(batch=4)
    with asked.as_built():
        logits = asked.logits(tokens)
    if logits.shape[-1] != asked.vocab_size and asked.per_token:
        return Verdict("first_loss", None, "returns vectors, not logits")
    generator = torch.Generator().manual_seed(1_000 * asked.seed + 999)  # not that of the tokens
    targets = torch.randint(logits.shape[-1], logits.shape[:-1], generator=generator)
    found = _surprise(logits, targets.to(logits.device)) - log(logits.shape[-1])
    passed = found <= MARGIN
    return Verdict(
        "first_loss",
        passed,
        f"{round(found, 2) + 0.0:.2f} nats above ln {logits.shape[-1]}",
        found,
        "" if passed else "the size of the first logits: the head, or a table it is tied to",
    )


def next_token_loss(model: nn.Module | Subject) -> Verdict:
    """Check that the training loss is the surprise at the token that comes next.

    Args:
        model: a model that is called with tokens and targets as this package's, with labels as
            Hugging Face's, or a `Subject` that was given `loss`.

    Returns:
        How many nats the loss is away from the mean of −log softmax(logits)[next token].

    Source:
        Bengio et al. (2003), "A Neural Probabilistic Language Model", section 2,
        https://jmlr.org/papers/v3/bengio03a.html

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> next_token_loss(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    if not asked.per_token or not asked.causal or asked.source is not None:
        return Verdict("next_token_loss", None, "it predicts no next token")
    found, given, tokens, logits = 0.0, 0.0, asked.tokens(), torch.zeros(())
    for shift in range(5):  # by chance, two losses of a fresh model can be close
        texts = asked.tokens(batch=4, shift=shift)
        with asked.quiet():
            loss = training_loss(asked, texts)
        if loss is None:
            return Verdict("next_token_loss", None, NO_LOSS)
        answers = asked.logits(texts[:, :-1])
        gap = abs(loss.item() - _surprise(answers, texts[:, 1:]))
        if not gap <= found:
            found, given, tokens, logits = gap, loss.item(), texts, answers
    passed = found <= TOLERANCE
    return Verdict(
        "next_token_loss",
        passed,
        f"off by {shown(found)} nats",
        found,
        "" if passed else _which_loss(given, logits, tokens),
    )


def overfits(model: nn.Module | Subject, steps: int = 150) -> Verdict:
    """Check that a copy of the model can learn four random texts by heart.

    It goes down its own training loss; judged is the surprise at the next token.

    Args:
        model: a model with a training loss, as in `next_token_loss`.
        steps: how many steps it gets, at each of two rates.

    Returns:
        The last loss as a share of the first.

    Source:
        Karpathy (2019), "A Recipe for Training Neural Networks", section 2 ("overfit one batch"),
        https://karpathy.github.io/2019/04/25/recipe/

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> overfits(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    if not asked.per_token or not asked.causal or asked.source is not None:
        return Verdict("overfits", None, "it predicts no next token")
    tokens = asked.tokens(batch=4)
    first = torch.arange(4, device=tokens.device) % asked.vocab_size
    tokens = torch.cat([first[:, None], tokens[:, 1:]], dim=1)  # each text is known by its start
    with asked.quiet():
        if training_loss(asked, tokens) is None:
            return Verdict("overfits", None, NO_LOSS)
    found = _share_left(asked, tokens, steps, 3e-3)
    if found > 0.1:  # large models want a smaller rate
        found = min(found, _share_left(asked, tokens, steps, 3e-4))
    passed = found <= 0.1
    return Verdict(
        "overfits",
        passed,
        f"{found:.0%} of the loss is left",
        found,
        "" if passed else "the loss: its targets, or a softmax too many; or gradients are cut",
    )


def training_loss(asked: Subject, tokens: Tensor) -> Tensor | None:
    """Return the loss that a model is trained with, on texts; None where it is not known.

    Args:
        asked: the subject.
        tokens: texts, shape `(B, T)`.
    """
    if asked.loss is not None:
        return asked.loss(asked.model, tokens)
    if "targets" in asked.takes:
        return asked.model(tokens[:, :-1], tokens[:, 1:]).loss
    if "labels" in asked.takes:
        return asked.model(tokens, labels=tokens).loss
    return None


def _surprise(logits: Tensor, targets: Tensor) -> float:
    """Return the mean cross-entropy, written out."""
    logs = logits.double().log_softmax(-1)
    return -logs.gather(-1, targets.unsqueeze(-1)).mean().item()


def _share_left(asked: Subject, tokens: Tensor, steps: int, rate: float) -> float:
    """Train a copy on one batch, and return what share of its loss is left."""
    before, asked.model = asked.model, copy.deepcopy(asked.model)
    try:
        optimizer = torch.optim.AdamW(asked.model.parameters(), lr=rate, weight_decay=0.0)
        start = _surprise(asked.logits(tokens[:, :-1]), tokens[:, 1:])
        with own_randomness(asked.device, asked.seed):
            asked.model.train()
            for _ in range(steps):
                optimizer.zero_grad()
                loss = training_loss(asked, tokens)
                if loss.item() < 0.03 * start:
                    break  # it has succeeded
                loss.backward()
                nn.utils.clip_grad_norm_(asked.model.parameters(), 1.0)
                optimizer.step()
        return _surprise(asked.logits(tokens[:, :-1]), tokens[:, 1:]) / start
    finally:
        asked.model = before


def _which_loss(given: float, logits: Tensor, tokens: Tensor) -> str:
    """Name what a loss compares instead."""
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    twice = F.cross_entropy(logits.double().softmax(-1).flatten(0, 1), targets.flatten()).item()
    known = {
        "the targets: each place is compared with its own token, not the next": (
            _surprise(logits, inputs)
        ),
        "the targets: they are shifted twice, once by the data and once by the model": (
            _surprise(logits[:, :-1], targets[:, 1:])
        ),
        "the softmax: cross-entropy takes one itself, so it gets logits": twice,
        "the sum: the loss is not divided by the number of targets": (
            _surprise(logits, targets) * targets.numel()
        ),
    }
    nearest = min(known, key=lambda name: abs(given - known[name]))
    if abs(given - known[nearest]) <= TOLERANCE:
        return nearest
    return "the loss: it is no mean cross-entropy of the next tokens"
