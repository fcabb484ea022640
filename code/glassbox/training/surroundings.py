"""What training and evaluating leave as they found it: random numbers, and the mode of modules."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from glassbox import checks


def device_of(model: nn.Module) -> torch.device:
    """Return where a model lies; it must have parameters."""
    checks.module("model", model, "GPT(preset('character'))")
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ValueError(
            f"model is of type {type(model).__name__} and has 0 parameters, so there is nothing to "
            "train or to evaluate; expected a model such as GPT(preset('character'))."
        )
    return parameter.device


@contextmanager
def own_randomness(device: torch.device, seed: int | None = None) -> Iterator[None]:
    """Give the body PyTorch's generators, seeded anew if asked for, and then put them back."""
    places = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(places):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            for place in places:
                with torch.cuda.device(place):
                    torch.cuda.manual_seed(seed)
        yield


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the generators that a model on this device draws from."""
    state = {"cpu": torch.get_rng_state()}
    return state | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def restore_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put the generators into these states."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


@contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Switch a model to training or evaluating, and then each part back to the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
