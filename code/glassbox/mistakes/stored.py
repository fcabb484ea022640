"""Trials on disk: those that came with the package, and a file that grows while one measures."""

import json
import os
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from glassbox.mistakes.trial import Trial

_LOSSES = ("first", "reported", "prefix_only", "in_use")


def measured() -> list[Trial]:
    """Return the trials that came with the package: every mistake, with several seeds.

    They were made by `python -m glassbox mistakes` on the characters of `language_reference`.

    Example:
        >>> right = [trial for trial in measured() if trial.name is None and not trial.dropout]
        >>> all(abs(trial.gap) < 0.01 for trial in right)
        True
    """
    return [_trial(stored) for stored in _packaged()["trials"]]


def settings() -> dict[str, Any]:
    """Return what the trials of `measured` were made with: the command, the sizes, the versions.

    Example:
        >>> settings()["steps"]
        1000
    """
    return _packaged()["settings"]


def read_trials(path: Path, made_with: dict[str, Any]) -> list[Trial]:
    """Return the trials of a file, or none where there is no file yet.

    Args:
        path: the file.
        made_with: the settings that they must have been made with.

    Raises:
        ValueError: if they were made with other settings.
    """
    if not path.is_file():
        return []
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["settings"] != made_with:
        raise ValueError(
            f"'{path}' holds trials with the settings {stored['settings']}; expected {made_with}, "
            "for trials are only compared with their like. Name another file: --out."
        )
    return [_trial(each) for each in stored["trials"]]


def write_trials(path: Path, made_with: dict[str, Any], trials: list[Trial]) -> None:
    """Write all trials to a file, which is complete at every moment.

    Args:
        path: the file; its folder must be there.
        made_with: their settings.
        trials: those of the file.
    """
    lines = ",\n".join(json.dumps(_rounded(trial), ensure_ascii=False) for trial in trials)
    text = f'{{"settings": {json.dumps(made_with, indent=1)},\n"trials": [\n{lines}\n]}}\n'
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def _rounded(trial: Trial) -> dict[str, Any]:
    """Return a trial with as many digits as mean anything."""
    stored = asdict(trial) | {"train": [round(loss, 3) for loss in trial.train]}
    return stored | {name: round(stored[name], 4) for name in _LOSSES}


def _trial(stored: dict[str, Any]) -> Trial:
    """Return a trial from what was written of it."""
    return Trial(**stored | {"train": tuple(stored["train"])})


def _packaged() -> dict[str, Any]:
    """Return the file that came with the package."""
    text = files("glassbox.mistakes").joinpath("measured.json").read_text(encoding="utf-8")
    return json.loads(text)
