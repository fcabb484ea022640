"""From a checkpoint back to a model and its optimizers, or a sentence that says what is wrong."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from reprlib import repr as short
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder import EncoderConfig, MaskedLanguageModel
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, GPTConfig
from glassbox.training import folders, named_tensors
from glassbox.training.checkpoints import (
    FILES,
    FORMAT,
    MODEL,
    OPTIMIZER,
    RANDOM,
    STATE,
    CheckpointError,
    checkpoints,
    latest,
)
from glassbox.training.surroundings import own_randomness

_MODELS = {
    "GPT": (GPT, GPTConfig),
    "EncoderClassifier": (EncoderClassifier, ClassifierConfig),
    "MaskedLanguageModel": (MaskedLanguageModel, EncoderConfig),
    "EncoderDecoder": (EncoderDecoder, EncoderDecoderConfig),
}
"""The models that can be built from what a checkpoint says of them, with their settings."""
_FREE = frozenset({"initialization"})
"""The settings of a model that no number depends on once it has parameters."""
_FREE_TO_READ = frozenset({"dropout", "context_length"})
"""Those that may change where nothing goes on to learn."""


def read_state(path: str | Path) -> dict[str, Any]:
    """Return what a checkpoint says about itself, after checking every byte of it.

    Args:
        path: a checkpoint, or a run, of which the last one is read.

    Returns:
        What `state.json` holds, which is `format`, `step`, `model`, `optimizers` and whatever was
        given to `save` as its state.

    Raises:
        CheckpointError: if there is none, or it is damaged or of another format.

    Example:
        >>> import tempfile
        >>> from glassbox.gpt import preset
        >>> from glassbox.training import save
        >>> with tempfile.TemporaryDirectory() as run:
        ...     path = save(run, GPT(preset("character")), [], 7, state={"note": "try"})
        ...     state = read_state(path)
        >>> state["step"], state["note"], state["model"]["config"]["d_model"]
        (7, 'try', 64)
    """
    path = _checkpoint(path)
    state = {}
    if folders.sound(path, STATE):
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        if state.get("format") != FORMAT:
            raise CheckpointError(
                f"{path} has format {state.get('format')}; expected {FORMAT}. Use the version of "
                "glassbox that wrote it, or start a new run."
            )
    wrong = folders.damage(path, FILES)
    if wrong is not None:
        raise CheckpointError(f"{path} is damaged: {wrong}. {_way_out(path)}")
    return state


def load(
    path: str | Path, model: nn.Module, optimizers: Sequence[Optimizer] = ()
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a checkpoint into a model and its optimizers; where it does not fit, change nothing.

    Args:
        path: a checkpoint, or a run, of which the last one is read.
        model: of the same settings as the one that was saved.
        optimizers: those of `build_optimizers`; left out, only the model is read.

    Returns:
        What `read_state` returns, and the states of the random generators when it was saved.

    Raises:
        CheckpointError: if there is none, it is damaged, or the model is another one.

    Example:
        >>> import tempfile
        >>> from glassbox.gpt import preset
        >>> from glassbox.training import save
        >>> with tempfile.TemporaryDirectory() as run:
        ...     path = save(run, GPT(preset("character")), [], 7)
        ...     state, generators = load(path, GPT(preset("character")))
        >>> state["step"], sorted(generators)
        (7, ['cpu'])
    """
    from safetensors.torch import load_file

    path = _checkpoint(path)
    state = read_state(path)
    stored = load_file(path / MODEL)
    own = named_tensors.model_tensors(model)
    wrong = named_tensors.differences(stored, own) or _other_settings(
        state["model"]["config"], model, learns=bool(optimizers)
    )
    if wrong is not None:
        raise CheckpointError(
            f"{path} holds another model: {wrong}. Build the model with the settings in {STATE}, "
            "or name another folder for a new run."
        )
    memory = load_file(path / OPTIMIZER)
    kinds = [type(optimizer).__name__ for optimizer in optimizers]
    if optimizers and state["optimizers"] != kinds:
        raise CheckpointError(
            f"{path} holds the memory of {state['optimizers']}, but {kinds} were given; expected "
            f"the same. Take the settings in {STATE}, or name another folder for a new run."
        )
    frozen = named_tensors.frozen_since(model, optimizers, memory) if optimizers else None
    if frozen is not None:
        raise CheckpointError(
            f"{path} was trained with {frozen}, which is frozen now; expected the same parameters "
            "to learn. Thaw it with requires_grad_(), or name another folder for a new run."
        )
    named_tensors.fill_model(model, stored)
    if optimizers:
        named_tensors.fill_optimizers(model, optimizers, memory)
    return state, load_file(path / RANDOM)


def load_model(path: str | Path) -> nn.Module:
    """Build the model that a checkpoint describes, and read its parameters.

    Args:
        path: a checkpoint, or a run, of which the last one is read.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        CheckpointError: if there is none, it is damaged, or its model cannot be built from what it
            says of itself.

    Example:
        >>> import tempfile
        >>> from glassbox.gpt import preset
        >>> from glassbox.training import save
        >>> with tempfile.TemporaryDirectory() as run:
        ...     path = save(run, GPT(preset("character")), [], 7)
        ...     load_model(path).config.d_model
        64
    """
    from safetensors.torch import load_file

    path = _checkpoint(path)
    about = read_state(path)["model"]
    if about["class"] not in _MODELS or about["config"] is None:
        raise CheckpointError(
            f"{path} holds a model of class {about['class']}; only these can be built from a "
            f"checkpoint: {', '.join(_MODELS)}. Build it yourself, and use load(path, model)."
        )
    kind, settings = _MODELS[about["class"]]
    with own_randomness(torch.device("cpu")):  # what is drawn here is overwritten
        model = kind(settings(**about["config"]))
    stored = load_file(path / MODEL).values()
    model.to(next(tensor.dtype for tensor in stored if tensor.is_floating_point()))
    load(path, model)
    return model.eval()


def _other_settings(before: dict[str, Any] | None, model: nn.Module, *, learns: bool) -> str | None:
    """Return how a model's settings differ from stored ones; tensors of one shape may hide that."""
    config = getattr(named_tensors.unwrapped(model), "config", None)
    if before is None or not is_dataclass(config):
        return None
    now = json.loads(json.dumps(asdict(config)))  # in the types that came from JSON
    free = _FREE if learns else _FREE | _FREE_TO_READ
    for name in sorted((now.keys() | before.keys()) - free):
        if now.get(name) != before.get(name):
            return f"its {name} was {short(before.get(name))} and is {short(now.get(name))} here"
    return None


def _checkpoint(path: str | Path) -> Path:
    """Return the checkpoint that is meant: the path itself, or the last one of a run."""
    if not isinstance(path, str | Path):
        raise TypeError(f"path is {short(path)}; expected a folder, such as 'runs/first'.")
    path = Path(path)
    if not path.is_dir():
        raise CheckpointError(
            f"{path} was given, but there is no such folder; expected a checkpoint or the folder "
            "of a run. Is the working directory the one where the training ran?"
        )
    if path.name in [checkpoint.name for checkpoint in checkpoints(path.parent)]:
        return path
    last = latest(path)
    if last is None:
        raise CheckpointError(
            f"{path} holds 0 checkpoints; expected folders such as step-000120. Give a run that "
            "was saved: train(..., run=folder)."
        )
    return last


def _way_out(damaged: Path) -> str:
    """Say which checkpoint can be used in place of a damaged one."""
    others = [path for path in checkpoints(damaged.parent) if path != damaged]
    sound = [path for path in others if folders.damage(path, FILES) is None]
    if not sound:
        return "No other one of this run is whole: give another folder, or remove this run's."
    return (
        f"Use {sound[-1].name}, which is whole: without the damaged folder a run goes on from it."
    )
