"""How parameters start: PyTorch's way, GPT-2's, and the way that keeps variance through depth."""

from collections.abc import Callable
from math import sqrt

from torch import nn

from glassbox import checks


def initialize_gpt2(model: nn.Module, std: float = 0.02) -> nn.Module:
    """Draw all matrices as GPT-2 does: small and normal, smaller where a block writes.

    Linear layers and embeddings get mean 0 and standard deviation `std`, biases 0. The layers that
    write to the residual stream, `w_o` and `w_out`, get `std` / √n, because the stream sums n of
    them: two for each block of a GPT.

    Args:
        model: a model with `blocks`; it is changed in place.
        std: standard deviation.

    Returns:
        The model.

    Raises:
        ValueError: if `std` is not positive, or the model has no blocks.

    Source:
        Radford et al. (2018), "Improving Language Understanding by Generative Pre-Training",
        section 4.1 (0.02); Radford et al. (2019), section 2.3 (1/√n),
        https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> model = initialize_gpt2(GPT(preset("character")))
        >>> round(model.head.weight.std().item(), 3)
        0.02
    """
    checks.above_zero("std", std, example=0.02)
    writers = _writers(model)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=std / sqrt(len(writers)) if name in writers else std)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return model


def initialize_fan_in(model: nn.Module) -> nn.Module:
    r"""Draw matrices so that variance passes through, and let every block start as the identity.

    Each linear layer gets the standard deviation $1/\sqrt{\text{fan-in}}$, so that inputs of
    variance 1 come out with variance 1. The layers that write to the residual stream, `w_o` and
    `w_out`, and the output layer `head` start at 0: each block adds nothing yet, and every next
    token is equally likely. Embeddings keep PyTorch's variance of 1.

    Args:
        model: a model with `blocks`, its `head` not tied to the embedding; changed in place.

    Returns:
        The model.

    Raises:
        ValueError: if the model has no blocks, or its head is tied.

    Source:
        He et al. (2015), "Delving Deep into Rectifiers", section 2.2 (fan-in),
        https://doi.org/10.48550/arXiv.1502.01852; Zhang, Dauphin and Ma (2019), "Fixup
        Initialization", section 3 (branches that start at 0),
        https://doi.org/10.48550/arXiv.1901.09321

    Example:
        >>> import torch
        >>> from glassbox.gpt import GPT, preset
        >>> model = initialize_fan_in(GPT(preset("character")))
        >>> model(torch.zeros(1, 8, dtype=torch.long), torch.zeros(1, 8, dtype=torch.long)).loss
        tensor(4.1744, grad_fn=<NllLossBackward0>)
    """
    silent = {*_writers(model), "head"}
    head = getattr(model, "head", None)
    if head is not None and head.weight is model.token_embedding.weight:
        raise ValueError(
            "the head of this model is its embedding table, which cannot start at 0 as a head "
            "does here. Build it with tied=False, or use initialization='gpt2'."
        )
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.0 if name in silent else module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


INITIALIZATIONS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "pytorch": lambda model: model,
    "gpt2": initialize_gpt2,
    "fan_in": initialize_fan_in,
}
"""The ways to start, by their names in a configuration; `"pytorch"` leaves what its layers draw."""


def _writers(model: nn.Module) -> set[str]:
    """Return the names of the layers that write to the residual stream, or refuse the model."""
    checks.module("model", model, "GPT(preset('character'))")
    if not hasattr(model, "blocks"):
        inside = [name for name, part in model.named_children() if hasattr(part, "blocks")]
        raise ValueError(
            f"model is of type {type(model).__name__}, without blocks of its own; expected a stack "
            f"such as GPT. Parts of it that have blocks: {', '.join(inside) or 'none'}."
        )
    return {name for name, _ in model.named_modules() if name.endswith(("w_o", "w_out"))}
