"""Three losses on the same held-out targets, which agree for a correct model."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from glassbox.generation.predictor import Predictor
from glassbox.losses import cross_entropy

_PADDINGS = 8


@torch.no_grad()
def reported_loss(
    model: nn.Module, inputs: Int[Tensor, "rows seq"], targets: Int[Tensor, "rows seq"]
) -> float:
    """Return the loss as it is usually measured: all positions at once, by the model itself.

    Args:
        model: returns an `Output`; its mode stays as it is.
        inputs: token ids, shape `(B, T)`.
        targets: the token that follows each, shape `(B, T)`.

    Example:
        >>> from glassbox.gpt import GPT, GPTConfig
        >>> sizes = {"vocab_size": 9, "context_length": 8, "d_model": 8, "n_heads": 2}
        >>> model, rows = GPT(GPTConfig(**sizes, n_layers=1)), torch.randint(9, (3, 9))
        >>> 0 < reported_loss(model, rows[:, :-1], rows[:, 1:]) < 9
        True
    """
    chunks = _chunks(inputs, targets, size=inputs.shape[1])
    total = sum(len(rows) * float(model(rows, follow).loss) for rows, follow in chunks)
    return total / len(inputs)


@torch.no_grad()
def prefix_loss(
    model: nn.Module, inputs: Int[Tensor, "rows seq"], targets: Int[Tensor, "rows seq"]
) -> float:
    """Return the loss of each target where the model is given only what stands before it.

    There is nothing after the last position then that a model could look at.

    Args:
        model: as in `reported_loss`.
        inputs: token ids, shape `(B, T)`.
        targets: the token that follows each, shape `(B, T)`.

    Example:
        >>> from glassbox.gpt import GPT, GPTConfig
        >>> sizes = {"vocab_size": 9, "context_length": 8, "d_model": 8, "n_heads": 2}
        >>> model, rows = GPT(GPTConfig(**sizes, n_layers=1)), torch.randint(9, (3, 9))
        >>> 0 < prefix_loss(model, rows[:, :-1], rows[:, 1:]) < 9
        True
    """
    seq = inputs.shape[1]
    total = 0.0
    for rows, follow in _chunks(inputs, targets, size=seq):
        for length in range(1, seq + 1):
            logits = model(rows[:, :length]).logits[:, -1]
            total += len(rows) * float(cross_entropy(logits, follow[:, length - 1]))
    return total / inputs.numel()


def loss_in_use(
    model: nn.Module, inputs: Int[Tensor, "rows seq"], targets: Int[Tensor, "rows seq"]
) -> float:
    """Return the loss as the model is used: prompts padded on the left, then token by token.

    Each row is read several times, with 0 to 7 columns of padding before it, in one batch and with
    a cache of keys and values. The shortest prompt has one token and the unpadded row reaches the
    last, so together they predict every target; each position counts the same in the mean.

    Args:
        model: as in `reported_loss`.
        inputs: token ids, shape `(B, T)`.
        targets: the token that follows each, shape `(B, T)`.

    Example:
        >>> from glassbox.gpt import GPT, GPTConfig
        >>> sizes = {"vocab_size": 9, "context_length": 8, "d_model": 8, "n_heads": 2}
        >>> model, rows = GPT(GPTConfig(**sizes, n_layers=1)), torch.randint(9, (3, 9))
        >>> 0 < loss_in_use(model, rows[:, :-1], rows[:, 1:]) < 9
        True
    """
    seq = inputs.shape[1]
    width = max(1, min(_PADDINGS, seq // 2))  # columns of the prompt; the rest is cached
    losses, counts = torch.zeros(seq, dtype=torch.float64), torch.zeros(seq)
    for rows, follow in _chunks(inputs, targets, size=max(1, seq // width)):
        padding = torch.arange(width).repeat(len(rows))[:, None]
        places = torch.arange(seq) - padding  # negative where there is padding
        rows, follow = (part.repeat_interleave(width, dim=0) for part in (rows, follow))
        text = rows.gather(1, places.clamp(min=0))
        predict = Predictor(model, len(text), seq, real=places[:, :width] >= 0)
        for read in range(width, seq + 1):
            place = places[:, read - 1]
            surprise = -predict(text[:, :read]).log_softmax(dim=-1)
            surprise = surprise.gather(1, follow.gather(1, place[:, None]))[:, 0]
            losses.index_add_(0, place, surprise.double())
            counts.index_add_(0, place, torch.ones(len(place)))
    return float((losses / counts).mean())


def _chunks(inputs: Tensor, targets: Tensor, *, size: int) -> list[tuple[Tensor, Tensor]]:
    """Return a few rows at a time: not more than there are positions, which one mistake needs."""
    return list(zip(inputs.split(size), targets.split(size), strict=True))
