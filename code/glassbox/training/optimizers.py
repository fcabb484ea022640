"""Which parameters an optimizer updates, and how fast."""

import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from glassbox import checks
from glassbox.training.settings import TrainingConfig


def build_optimizers(model: nn.Module, config: TrainingConfig) -> list[Optimizer]:
    """Return the optimizers of a run; each parameter that learns is in exactly one of their groups.

    AdamW divides a running mean of the gradient by the root of a running mean of its square, number
    by number. Muon updates a matrix as a whole: it moves all its singular directions by the same
    amount. Weights with two or more axes decay; biases and norms do not. A group keeps its peak
    learning rate as `group["initial_lr"]`.

    Args:
        model: what is trained; parameters that require no gradient are left out.
        config: its `optimizer`, rates, `weight_decay` and `betas`.

    Returns:
        One optimizer, or two with Muon.

    Raises:
        TypeError: if `model` is no module.
        ValueError: if nothing learns, or Muon is asked for and the model has no blocks.
        RuntimeError: if Muon is asked for and this PyTorch has none.

    Source:
        Kingma and Ba (2015), "Adam", algorithm 1, https://doi.org/10.48550/arXiv.1412.6980;
        Loshchilov and Hutter (2019), "Decoupled Weight Decay Regularization", algorithm 2,
        https://doi.org/10.48550/arXiv.1711.05101; Jordan et al. (2024), "Muon",
        https://kellerjordan.github.io/posts/muon/

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> model = GPT(preset("character"))
        >>> muon, adamw = build_optimizers(model, TrainingConfig(steps=10, optimizer="muon"))
        >>> [len(group["params"]) for group in muon.param_groups + adamw.param_groups]
        [60, 3, 31]
    """
    checks.module("model", model, "GPT(preset('character'))")
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not learning:
        raise ValueError(
            f"model is of type {type(model).__name__} and has no parameter that requires a "
            "gradient, so nothing would learn. Build one with parameters, or thaw some: "
            "parameter.requires_grad_()."
        )
    matrices = _matrices_of_blocks(model) if config.optimizer == "muon" else set()
    rest = [p for name, p in learning.items() if name not in matrices]
    decay = {"params": [p for p in rest if p.ndim >= 2], "weight_decay": config.weight_decay}
    no_decay = {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}
    groups = [group for group in (decay, no_decay) if group["params"]]
    optimizers: list[Optimizer] = []
    if matrices:
        _check_whole(model)
        turned = [p for name, p in learning.items() if name in matrices]
        muon = _muon()
        optimizers.append(muon(turned, lr=config.matrix_rate, weight_decay=config.weight_decay))
    if groups:
        optimizers.append(AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True))
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["initial_lr"] = group["lr"]
    return optimizers


def _matrices_of_blocks(model: nn.Module) -> set[str]:
    """Return the names of the weights of linear layers inside `blocks` that learn."""
    names = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and "blocks" in name.split(".")
        if module.weight.requires_grad
    }
    if not names:
        raise ValueError(
            f"optimizer is 'muon', but the model, of type {type(model).__name__}, has no linear "
            "layer that learns inside blocks. Take optimizer='adamw', or a model with blocks such "
            "as GPT."
        )
    return names


def _check_whole(model: nn.Module) -> None:
    """Refuse Muon where no process holds a whole matrix."""
    if any(hasattr(parameter, "full_tensor") for parameter in model.parameters()):
        raise ValueError(
            "optimizer is 'muon', which turns whole matrices, but strategy 'fsdp' gives each "
            "process a part of them. Take optimizer='adamw', or share the work by 'ddp'."
        )


def _muon() -> type[Optimizer]:
    """Return PyTorch's Muon, or say since when there is one."""
    if not hasattr(torch.optim, "Muon"):
        raise RuntimeError(
            f"optimizer is 'muon', but this PyTorch is {torch.__version__}; expected 2.9 or newer. "
            "Update it, or take optimizer='adamw'."
        )
    return torch.optim.Muon
