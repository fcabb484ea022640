"""A run and its folder: what is saved of it, and whether a call goes on with the same run."""

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
