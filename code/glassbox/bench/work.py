"""What is timed: a training step, and the writing of tokens."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from glassbox.generation import generate
from glassbox.gpt import GPT, GPTConfig
from glassbox.losses import cross_entropy
from glassbox.training import TrainingConfig, build_optimizers, choose_precision

SHAPE = {"vocab_size": 65, "context_length": 64, "d_model": 128, "n_heads": 4, "n_layers": 4}
"""The small model of the comparisons: that of nanoGPT's example for laptops."""
BATCH = 12
"""The number of sequences in its batches."""


def small_gpt(**settings: Any) -> GPT:
    """Return the small model of the comparisons, with parts like GPT-2's unless told otherwise.

    Args:
        settings: those of `GPTConfig` that differ.

    Source:
        Karpathy (2022), nanoGPT, the README's settings for a CPU,
        https://github.com/karpathy/nanoGPT

    Example:
        >>> small_gpt().config.n_layers
        4
    """
    torch.manual_seed(0)
    plain = {"bias": False, "tied": True, "initialization": "gpt2"}
    return GPT(GPTConfig(**(SHAPE | plain | settings)))


def training_step(
    model: nn.Module,
    *,
    logits: Callable[[Any], torch.Tensor] = lambda output: output.logits,
    precision: str = "float32",
) -> Callable[[], None]:
    """Return a function that makes one update of a model with `SHAPE`'s vocabulary and context.

    Args:
        model: called with token ids.
        logits: finds the logits in what the model returns.
        precision: as in `TrainingConfig`.

    Example:
        >>> training_step(small_gpt(n_layers=1))()
    """
    generator = torch.Generator().manual_seed(0)
    size = (BATCH, SHAPE["context_length"] + 1)
    text = torch.randint(SHAPE["vocab_size"], size, generator=generator)
    tokens, targets = text[:, :-1].contiguous(), text[:, 1:].contiguous()
    optimizers = build_optimizers(model.train(), TrainingConfig(steps=1))
    context = choose_precision(precision, tokens.device).context

    def step() -> None:
        model.zero_grad()
        with context():
            loss = cross_entropy(logits(model(tokens)), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()

    return step


def decoding(
    model: nn.Module, n_tokens: int, *, start: int = 1, use_cache: bool | None = None
) -> Callable[[], None]:
    """Return a function that lets a model write, one text at a time, always the likeliest token.

    Args:
        model: a GPT.
        n_tokens: how many tokens it writes.
        start: how many it has before.
        use_cache: as in `generate`.

    Example:
        >>> decoding(small_gpt(n_layers=1), 3)()
    """
    prompt = torch.zeros(1, start, dtype=torch.long)

    def write() -> None:
        generate(model, prompt, n_tokens, use_cache=use_cache)

    return write
