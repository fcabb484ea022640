"""How surprised a model is by text that it does not learn from."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from glassbox import checks
from glassbox.corpora import Corpus
from glassbox.losses import IGNORED, cross_entropy
from glassbox.training.surroundings import device_of, in_mode, own_randomness


def evaluate(
    model: nn.Module, batches: Iterable[tuple[Tensor, ...]], max_batches: int | None = None
) -> float:
    """Return the mean loss per target, over all targets that count.

    Each batch weighs as much as it has targets, so the result is the same however the data are cut
    into batches. Nothing is disturbed: no dropout, no gradients, and afterwards each part of the
    model is in the mode it had, and PyTorch's generators are where they were.

    Args:
        model: called with all but the last entry of a batch; returns an `Output`.
        batches: tuples of the model's inputs and, last, the targets; −100 where none counts.
        max_batches: how many of them are read; all if not given.

    Returns:
        The mean cross-entropy in nats.

    Raises:
        TypeError: if `model` is no module, or the batches are none.
        ValueError: if there is no target that counts, or `model` has no parameters.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> tokens = torch.zeros(2, 8, dtype=torch.long)
        >>> evaluate(GPT(preset("character")), [(tokens, tokens)]) > 0
        True
    """
    if max_batches is not None:
        checks.positive(max_batches=max_batches)
    check_batches("batches", batches)
    device = device_of(model)
    total, count = 0.0, 0
    with in_mode(model, training=False), own_randomness(device), torch.no_grad():
        for batch in islice(batches, max_batches):
            *inputs, targets = _checked(batch)
            counted = count_targets(targets)
            if counted:
                logits = model(*(part.to(device) for part in inputs)).logits
                total += counted * cross_entropy(logits, targets.to(device)).item()
                count += counted
    if count == 0:
        raise ValueError(
            f"the batches hold 0 targets that count: there is no batch, or every target is "
            f"{IGNORED}. Give at least one batch with a target, or check how targets were masked."
        )
    return total / count


def estimate_losses(
    model: nn.Module,
    sources: Mapping[str, Iterable[tuple[Tensor, ...]]],
    max_batches: int | None = None,
) -> dict[str, float]:
    """Return the loss on each of several sources, such as the training and the held-out text.

    Args:
        model: as for `evaluate`.
        sources: batches by name.
        max_batches: how many of each are read. Of shuffled `Batches` these are a random sample,
            the same one each time.

    Returns:
        The mean cross-entropy in nats, by name.

    Raises:
        TypeError: if `model` is no module.
        ValueError: if a source has no target that counts.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> tokens = torch.zeros(2, 8, dtype=torch.long)
        >>> sources = {"train": [(tokens, tokens)], "held_out": [(tokens, tokens + 1)]}
        >>> sorted(estimate_losses(GPT(preset("character")), sources))
        ['held_out', 'train']
    """
    return {name: evaluate(model, batches, max_batches) for name, batches in sources.items()}


def check_batches(name: str, batches: Iterable[tuple[Tensor, ...]]) -> None:
    """Refuse a text, and a dataset, whose items are single sequences, where batches are meant."""
    single = isinstance(batches, Dataset) and not isinstance(batches, IterableDataset)
    if single or isinstance(batches, str | Tensor | Corpus) or not isinstance(batches, Iterable):
        part = "corpus.held_out" if isinstance(batches, Corpus) else "dataset"
        shown = "None" if batches is None else f"of type {type(batches).__name__}"
        raise TypeError(
            f"{name} is {shown}; expected batches of inputs and targets. "
            f"Make them of a dataset with Batches({part}, batch_size=32, shuffle=False)."
        )


def _checked(batch: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return a batch, or refuse what is none."""
    held = batch if isinstance(batch, tuple | list) else []
    if len(held) < 2 or not all(isinstance(part, Tensor) for part in held):
        raise TypeError(
            f"a batch is of type {type(batch).__name__}; expected a tuple of tensors: the model's "
            "inputs, and last the targets. For one batch write [(tokens, targets)]."
        )
    return batch


def count_targets(targets: Tensor) -> int:
    """Return how many targets count."""
    return int((targets != IGNORED).sum())
