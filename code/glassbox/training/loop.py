"""The training loop: predict, compare, go down the gradient, write it down."""

from collections.abc import Iterable, Iterator
from functools import partial
from math import inf, isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from glassbox import checks, distributed
from glassbox.losses import IGNORED, cross_entropy
from glassbox.training.batches import Batches
from glassbox.training.checkpoints import latest
from glassbox.training.evaluation import check_batches, count_targets, evaluate
from glassbox.training.history import Evaluation, History
from glassbox.training.optimizers import build_optimizers
from glassbox.training.precision import choose_precision
from glassbox.training.progress import watched
from glassbox.training.runs import continue_run, prepare_run, save_run
from glassbox.training.schedule import learning_rate_share
from glassbox.training.settings import TrainingConfig
from glassbox.training.surroundings import device_of, in_mode, own_randomness


class Diverged(RuntimeError):
    """The loss or its gradient is no finite number, so another step would ruin the parameters.

    Args:
        message: what happened when, and what to try.

    Example:
        >>> issubclass(Diverged, RuntimeError)
        True
    """


def train(
    model: nn.Module,
    batches: Batches,
    config: TrainingConfig,
    *,
    held_out: Iterable[tuple[Tensor, ...]] | None = None,
    run: str | Path | None = None,
    extra: dict[str, Any] | None = None,
    progress: bool | None = None,
) -> History:
    """Train a model in place, and return the record of every step.

    With `run`, the state is saved to that folder, and a call that finds a checkpoint there goes on
    from it: on the same machine, with as many threads, the finished run is bit for bit the one that
    was never interrupted. So a run may be stopped at any moment, and started again by the same
    call. Dropout draws from a generator of the run's own; PyTorch's is left alone.

    Under torchrun each process calls it with the model and the batches that `distributed.Group`
    gave it; the first one saves. Then a run that goes on is exact without dropout only, for the
    other processes draw anew.

    Args:
        model: called with all but the last entry of a batch; returns an `Output`.
        batches: what each step trains on.
        config: the settings.
        held_out: batches to evaluate on, after every `evaluate_every` steps and at the end.
        run: folder of the checkpoints.
        extra: what else belongs into each checkpoint, such as `tokenizer.to_dict()`.
        progress: whether a bar shows how far it is; if not given, where standard error is a
            terminal. In a notebook give True.

    Raises:
        TypeError: if an argument is of another type.
        ValueError: if the arguments do not fit together, or to the run that is there already.
        Diverged: if the loss or the gradient is no finite number; nothing is updated or saved then.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> from glassbox.gpt import GPT, preset
        >>> text = torch.tensor([[7, 8, 9] * 3]).repeat(4, 1)
        >>> batches = Batches(TensorDataset(text[:, :-1], text[:, 1:]), batch_size=4)
        >>> model = GPT(preset("character"))
        >>> history = train(model, batches, TrainingConfig(steps=5, learning_rate=0.01))
        >>> history.losses[0] > history.losses[-1]
        True
    """
    _check_plan(batches, config, held_out)
    device = device_of(model)
    precision = choose_precision(config.precision, device)
    optimizers = build_optimizers(model, config)
    criterion = partial(cross_entropy, label_smoothing=config.label_smoothing)
    history = History(precision.sentence)
    with in_mode(model, training=True), own_randomness(device, config.seed + distributed.rank()):
        if prepare_run(run, config, extra):
            history = continue_run(run, model, optimizers, batches, config) or history
        for step in watched(range(len(history.records), config.steps), history, progress):
            start = perf_counter()
            share = learning_rate_share(step, config)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = share * group["initial_lr"]

            model.zero_grad()
            losses = []
            parts, total = _parts(batches[step], config.accumulate, device)
            for inputs, targets, weight in parts:
                with precision.context():
                    logits = model(*inputs).logits
                    loss = weight * criterion(logits, targets)
                loss.backward()
                losses.append(loss.detach())
            loss = distributed.mean(float(sum(losses)), device)
            norm = _clip(model, config.clip)
            _check_finite(loss, norm, step, run)
            for optimizer in optimizers:
                optimizer.step()

            history.add(step, loss, norm, share, total)
            if held_out is not None and _due(step + 1, config.evaluate_every, config.steps):
                with precision.context():
                    found = evaluate(model, held_out, config.evaluate_batches)
                history.evaluations.append(Evaluation(step + 1, found))
            history.seconds.append(perf_counter() - start)
            if run is not None and _due(step + 1, config.save_every, config.steps):
                save_run(run, model, optimizers, batches, config, history=history, extra=extra)
    return history


def _parts(
    batch: tuple[Tensor, ...], count: int, device: torch.device
) -> tuple[list[tuple[list[Tensor], Tensor, float]], int]:
    """Return the inputs, targets and weight of each part of a batch, and how many targets count.

    With these weights, the sum of the parts' mean losses is the mean loss of the batch. Of several
    processes each has a share of the batch; the mean of their sums is the mean loss of all of it.
    """
    mean = distributed.mean(count_targets(batch[-1]), device)
    if mean == 0:
        raise ValueError(
            f"every target of a batch is {IGNORED}, so nothing counts and the mean is 0 / 0. Leave "
            "such items out of the dataset, or check how the targets were masked."
        )
    parts = []
    for *inputs, targets in zip(*(tensor.chunk(count) for tensor in batch), strict=True):
        counted = count_targets(targets)
        if not counted and distributed.world() == 1:
            continue
        if not counted:  # all processes go backward equally often: take part, with weight 0
            targets = torch.zeros_like(targets)
        placed = [part.to(device) for part in inputs]
        parts.append((placed, targets.to(device), counted / mean))
    return parts, round(mean * distributed.world())


def _clip(model: nn.Module, limit: float | None) -> float:
    """Shorten the gradient to the limit, and return how long it was."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), inf if limit is None else limit)
    return float(distributed.whole(norm))


def _due(step: int, every: int | None, last: int) -> bool:
    """Return whether something that happens every so many steps, and at the end, happens now."""
    return step == last or (every is not None and step % every == 0)


def _check_plan(batches: Batches, config: TrainingConfig, held_out: object) -> None:
    """Refuse arguments that do not fit together."""
    if not isinstance(batches, Batches):
        raise TypeError(
            f"batches is of type {type(batches).__name__}; expected Batches, whose batch of each "
            "step is known in advance. Make them with Batches(dataset, batch_size=32)."
        )
    if not isinstance(config, TrainingConfig):
        raise TypeError(
            f"config is of type {type(config).__name__}; expected TrainingConfig, such as "
            "TrainingConfig(steps=100)."
        )
    checks.divides("batch_size", batches.batch_size, "accumulate", config.accumulate)
    if held_out is None and config.evaluate_every is not None:
        raise ValueError(
            f"evaluate_every is {config.evaluate_every}, but held_out was not given. Give batches "
            "to evaluate on, or leave evaluate_every out."
        )
    if isinstance(held_out, Iterator):
        raise TypeError(
            f"held_out is of type {type(held_out).__name__}, which is used up after one "
            "evaluation; expected batches that can be read again, such as Batches or a list."
        )
    if held_out is not None:
        check_batches("held_out", held_out)


def _check_finite(loss: float, norm: float, step: int, run: str | Path | None) -> None:
    """Stop where the update would ruin the parameters."""
    if isfinite(loss) and isfinite(norm):
        return
    found = f"the gradient has norm {norm}" if isfinite(loss) else f"the loss is {loss}"
    path = None if run is None else latest(run)
    kept = "no checkpoint was saved before" if path is None else f"the last checkpoint is {path}"
    raise Diverged(
        f"{found} at step {step}. The parameters are as they were before this step; {kept}. Take a "
        "smaller learning_rate, a longer warmup or a smaller clip."
    )
