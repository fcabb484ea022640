"""Checkpoints: folders of plain tensors and JSON from which a run goes on exactly."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from glassbox import checks, distributed
from glassbox.training import folders, named_tensors
from glassbox.training.settings import not_negative
from glassbox.training.surroundings import device_of, random_state

FORMAT = 1
"""Counted up whenever an older reader could misread a checkpoint."""
MODEL, OPTIMIZER, RANDOM = "model.safetensors", "optimizer.safetensors", "random.safetensors"
STATE = "state.json"
FILES = (MODEL, OPTIMIZER, RANDOM, STATE)
"""What a checkpoint consists of, besides the checksums."""
_FOLDER = re.compile(r"step-(\d{6,})")


class CheckpointError(ValueError):
    """A checkpoint cannot be written, or cannot be used.

    Args:
        message: which one, what is wrong, and what to do.

    Example:
        >>> issubclass(CheckpointError, ValueError)
        True
    """


def save(
    run: str | Path,
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    step: int,
    *,
    state: dict[str, Any] | None = None,
    keep: int = 2,
) -> Path:
    """Write a checkpoint: parameters, what the optimizers remember, random numbers, and JSON.

    It appears under its name only when all of it is on the disk, so whoever is killed while
    writing leaves the earlier checkpoints as they are. Nothing in it is a pickle, which could run
    code when it is read.

    Args:
        run: folder of the run.
        model: what is trained; tied parameters are stored once.
        optimizers: those of `build_optimizers`.
        step: number of updates so far.
        state: anything else that JSON can hold.
        keep: how many checkpoints stay; older ones are removed.

    Returns:
        The folder of the checkpoint, such as `run/step-000120`.

    Raises:
        CheckpointError: if it cannot be written, because the disk is full for example; earlier
            checkpoints stay.

    Example:
        >>> import tempfile
        >>> from glassbox.gpt import GPT, preset
        >>> with tempfile.TemporaryDirectory() as run:
        ...     save(run, GPT(preset("character")), [], 120).name
        'step-000120'
    """
    from safetensors import SafetensorError

    checks.positive(keep=keep)
    not_negative(step=step)
    about = {"format": FORMAT, "step": step, "model": _describe(model)}
    about["optimizers"] = [type(optimizer).__name__ for optimizer in optimizers]
    text = json.dumps((state or {}) | about)
    parameters = _whole(named_tensors.model_tensors(model))
    memory = _whole(named_tensors.optimizer_tensors(model, optimizers))
    writers = {
        MODEL: partial(_write_tensors, parameters),
        OPTIMIZER: partial(_write_tensors, memory),
        RANDOM: partial(_write_tensors, random_state(device_of(model))),
        STATE: lambda path: path.write_text(text + "\n", encoding="utf-8"),
    }
    folder = Path(run) / f"step-{step:06d}"
    try:
        if distributed.rank() == 0:
            folders.write_folder(folder, writers)
            for old in checkpoints(run)[:-keep]:
                folders.remove_folder(old)
    except (OSError, SafetensorError) as reason:
        raise CheckpointError(
            f"{folder} could not be written: {reason}. Nothing half-written is left, and earlier "
            "checkpoints are as they were. Make room on the disk, end other processes that write "
            "there, or name another folder; then the same call goes on from the last checkpoint."
        ) from reason
    distributed.wait()
    return folder


def checkpoints(run: str | Path) -> list[Path]:
    """Return the checkpoints of a run, the oldest first.

    Args:
        run: folder of the run; it need not be there yet.

    Example:
        >>> checkpoints("no/such/run")
        []
    """
    found = [path for path in Path(run).glob("step-*") if _FOLDER.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def latest(run: str | Path) -> Path | None:
    """Return the last checkpoint of a run, or None where there is none.

    Args:
        run: folder of the run; it need not be there yet.

    Example:
        >>> latest("no/such/run")
    """
    return next(reversed(checkpoints(run)), None)


def _describe(model: nn.Module) -> dict[str, Any]:
    """Return the name of a model's class and, where it has them, its settings."""
    inner = named_tensors.unwrapped(model)
    config = getattr(inner, "config", None)
    # Where a model is cut into parts, PyTorch puts a class of its own before the model's.
    kinds = (kind.__name__ for kind in type(inner).__mro__)
    return {
        "class": next(name for name in kinds if not name.startswith("FSDP")),
        "config": asdict(config) if is_dataclass(config) else None,
    }


def _whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as they are stored, in one piece and on the CPU; every process must ask."""
    return {name: distributed.whole(t.detach()).cpu() for name, t in tensors.items()}


def _write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors to a file; each lies in memory of its own, as safetensors demands."""
    from safetensors.torch import save_file

    save_file({name: t.contiguous().clone() for name, t in tensors.items()}, path)
