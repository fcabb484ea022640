"""What a model sees at each step: a function of the seed and the step, with nothing to remember."""

from collections.abc import Iterator, Sequence
from copy import copy
from hashlib import sha256
from reprlib import repr as short
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from glassbox import checks
from glassbox.corpora import Corpus
from glassbox.training.settings import not_negative

_SAMPLES = 8
"""How many items are compared to tell whether two datasets are the same."""


class Batches:
    """Cut a dataset into batches: `batches[step]` is what step number `step` trains on.

    Each epoch has an order of its own, drawn from the seed and the number of the epoch alone. So
    no step depends on what was read before, and a run that goes on later sees what it would have
    seen. A rest too small for a batch is left out of its epoch.

    Iterating gives the first epoch, and its rest as a last, smaller batch: each item once.

    Args:
        dataset: its items are tuples of tensors: the inputs of the model, then the targets.
        batch_size: number of items in a batch.
        seed: decides the order.
        shuffle: whether the order is random; else that of the dataset.

    Raises:
        TypeError: if the dataset has no length.
        ValueError: if it is empty, or shuffled and smaller than one batch.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> text = torch.arange(10)
        >>> batches = Batches(TensorDataset(text, text + 1), batch_size=4, shuffle=False)
        >>> batches[1]
        (tensor([4, 5, 6, 7]), tensor([5, 6, 7, 8]))
        >>> [len(targets) for _, targets in batches]
        [4, 4, 2]
    """

    def __init__(
        self, dataset: Any, batch_size: int, *, seed: int = 0, shuffle: bool = True
    ) -> None:
        """Keep the settings."""
        checks.positive(batch_size=batch_size)
        not_negative(seed=seed)
        checks.flags(shuffle=shuffle)
        if isinstance(dataset, Corpus):
            raise TypeError(
                "dataset is of type Corpus, which has two parts; expected one of them. Write "
                "Batches(corpus.train, ...), or corpus.held_out to evaluate."
            )
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"dataset is of type {type(dataset).__name__}; expected one with a length and "
                "numbered items, such as TensorDataset(tokens, targets)."
            )
        if len(dataset) == 0:
            raise ValueError(
                "dataset has 0 items; expected at least one. Is the text shorter than one context?"
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self._rank, self._world = 0, 1
        self._epoch, self._order = -1, torch.arange(0)
        if shuffle:
            self._check_enough()

    @property
    def steps_per_epoch(self) -> int:
        """Number of whole batches in one pass over the dataset."""
        return len(self.dataset) // self.batch_size

    def __getitem__(self, step: int) -> tuple[Tensor, ...]:
        """Return the batch of a step: the model's inputs, then the targets.

        Args:
            step: number of steps before it, from 0; there is no last one.

        Raises:
            TypeError: if `step` is no whole number, or the items are no tuples of tensors.
            ValueError: if `step` is negative, or the items of a batch differ in shape.
        """
        not_negative(step=step)
        self._check_enough()
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._collate(self._rows(epoch, place))

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Return the batches of the first epoch, the incomplete last one among them."""
        for place in range(-(-len(self.dataset) // self.batch_size)):
            rows = self._rows(0, place)
            if rows:
                yield self._collate(rows)

    def shard(self, rank: int, world: int) -> "Batches":
        """Return one process's share of each batch: every `world`-th item, from number `rank` on.

        Args:
            rank: number of the process, from 0.
            world: number of processes.

        Raises:
            ValueError: if a batch cannot be shared equally, or there is no such process.
        """
        checks.positive(world=world)
        not_negative(rank=rank)
        checks.divides("batch_size", self.batch_size, "world", world)
        if rank >= world:
            raise ValueError(
                f"rank is {rank} and world is {world}; expected a rank from 0 to {world - 1}."
            )
        part = copy(self)
        part._rank, part._world = rank, world
        return part

    def to_dict(self) -> dict[str, Any]:
        """Return what the order depends on, to compare with an earlier run's."""
        return {
            "items": len(self.dataset),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "checksum": self._checksum(),
        }

    def _checksum(self) -> str:
        """Return what tells one dataset from another: a few items decide, spread over all of it."""
        last, digest = len(self.dataset) - 1, sha256()
        for row in sorted({last * i // (_SAMPLES - 1) for i in range(_SAMPLES)}):
            for part in self._collate([row]):
                digest.update(part.contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]

    def _rows(self, epoch: int, place: int) -> list[int]:
        """Return which items are in a batch of an epoch; the order is kept until the epoch ends."""
        if self._epoch != epoch:
            self._epoch, self._order = epoch, self._draw(epoch)
        rows = self._order[place * self.batch_size : (place + 1) * self.batch_size]
        return rows[self._rank :: self._world].tolist()

    def _draw(self, epoch: int) -> Tensor:
        """Return the order of an epoch."""
        if not self.shuffle:
            return torch.arange(len(self.dataset))
        # PyTorch's generator uses 32 bits of its seed only, so the two numbers are mixed into them.
        mixed = np.random.SeedSequence(self.seed, spawn_key=(epoch,)).generate_state(1).item()
        generator = torch.Generator().manual_seed(mixed)
        return torch.randperm(len(self.dataset), generator=generator)

    def _collate(self, rows: Sequence[int]) -> tuple[Tensor, ...]:
        """Return the items of these numbers, stacked."""
        if hasattr(self.dataset, "__getitems__"):
            items = self.dataset.__getitems__(rows)
        else:
            items = [self.dataset[row] for row in rows]
        if not isinstance(items[0], tuple | list) or len(items[0]) < 2:
            raise TypeError(
                f"an item of the dataset is {short(items[0])}; expected a tuple of tensors: the "
                "inputs of the model, and last the targets, such as (tokens[:-1], tokens[1:])."
            )
        try:
            batch = tuple(default_collate(items))
        except RuntimeError as reason:
            raise ValueError(
                f"the items of a batch do not stack: {str(reason).splitlines()[0].rstrip('.')}. "
                "Expected one shape for all. Cut or pad the sequences to one length."
            ) from None
        if not all(isinstance(part, Tensor) for part in batch):
            raise TypeError(
                f"an item of the dataset is {short(items[0])}; expected a tuple of tensors, such "
                "as (tokens[:-1], tokens[1:]). Make one of each list with torch.tensor."
            )
        return batch

    def _check_enough(self) -> None:
        """Raise a ValueError where there is not even one batch."""
        if self.steps_per_epoch == 0:
            raise ValueError(
                f"batch_size is {self.batch_size}, but the dataset has {len(self.dataset)} items; "
                "expected enough for one batch. Take a smaller batch_size or a longer text."
            )
