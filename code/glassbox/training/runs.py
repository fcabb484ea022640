"""A run and its folder: what is saved of it, and whether a call goes on with the same run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from reprlib import repr as short
from typing import Any

from torch import nn
from torch.optim import Optimizer

from glassbox import distributed
from glassbox.training.batches import Batches
from glassbox.training.checkpoints import CheckpointError, latest, save
from glassbox.training.history import History
from glassbox.training.loading import load, read_state
from glassbox.training.settings import TrainingConfig
from glassbox.training.surroundings import device_of, restore_random_state

_FREE = ("evaluate_every", "evaluate_batches", "save_every", "keep")
"""The settings that no update depends on."""


def prepare_run(
    run: str | Path | None, config: TrainingConfig, extra: dict[str, Any] | None
) -> bool:
    """Make the folder of a run, if there is one, and refuse now what could not be saved later."""
    if run is None:
        if config.save_every is not None or extra is not None:
            name, value = ("extra", extra) if extra else ("save_every", config.save_every)
            raise ValueError(
                f"{name} is {short(value)}, but run was not given. Name the folder for the "
                f"checkpoints, such as run='runs/first', or leave {name} out."
            )
        return False
    if not isinstance(run, str | Path):
        raise TypeError(f"run is {short(run)}; expected a folder, such as run='runs/first'.")
    try:
        json.dumps(extra)
    except (TypeError, ValueError):
        raise TypeError(
            f"extra, of type {type(extra).__name__}, holds what JSON cannot; expected a dictionary "
            "of numbers, texts and lists, such as extra={'tokenizer': tokenizer.to_dict()}."
        ) from None
    try:
        Path(run).mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise CheckpointError(
            f"run is '{run}', a folder that cannot be made: {reason.strerror}. Give another one."
        ) from reason
    return True


def save_run(
    run: str | Path,
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    batches: Batches,
    config: TrainingConfig,
    *,
    history: History,
    extra: dict[str, Any] | None,
) -> None:
    """Save a run as it is after the last step of its history."""
    state = {
        "settings": asdict(config),
        "batches": batches.to_dict(),
        "history": history.to_dict(),
        "extra": extra,
    }
    save(run, model, optimizers, len(history.records), state=state, keep=config.keep)


def continue_run(
    run: str | Path,
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    batches: Batches,
    config: TrainingConfig,
) -> History | None:
    """Read the last checkpoint of a run, if there is one, and return its history."""
    path = latest(run)
    if path is None:
        return None
    _check_same(path, read_state(path), batches, config)
    state, generators = load(path, model, optimizers)
    if distributed.rank() == 0:  # they are its own
        restore_random_state(generators, device_of(model))
    return History.from_dict(state["history"])


def _check_same(
    path: Path, state: dict[str, Any], batches: Batches, config: TrainingConfig
) -> None:
    """Refuse to go on with settings or data that would make it another run."""
    if "settings" not in state:
        raise CheckpointError(
            f"{path} was saved without the settings of a run, so training cannot go on from "
            "it; expected one that train saved. Load it with load(path, model), and name another "
            "folder for a new run."
        )
    free = set(_FREE)
    if config.decay == "constant" and config.steps >= state["step"]:
        free.add("steps")  # no rate depends on how many are to come
    before = _named(state["settings"], state["batches"])
    now = _named(asdict(config) | {"betas": list(config.betas)}, batches.to_dict())
    changed = [name for name in now if name not in free and now[name] != before.get(name)]
    if changed:
        said = ", ".join(
            f"{name} was {short(before.get(name))} and is {short(now[name])}"
            for name in changed[:4]
        )
        raise CheckpointError(
            f"{path} belongs to a run with other settings: {said}. Give the same ones to go on "
            "with it, or name another folder for a new run."
        )


def _named(settings: dict[str, Any], batches: dict[str, Any]) -> dict[str, Any]:
    """Return both in one dictionary; each has a seed of its own."""
    return settings | {f"batches.{name}": value for name, value in batches.items()}
