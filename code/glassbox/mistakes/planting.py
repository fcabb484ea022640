"""How a mistake gets into a correct model, and out again."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from textwrap import dedent

from torch import nn

from glassbox import checks
from glassbox.mistakes.catalog import MISTAKES
from glassbox.mistakes.mistake import Mistake


def plant(model: nn.Module, name: str) -> nn.Module:
    """Make a famous mistake in a correct model, in place.

    No parameter changes and none is renamed (except for `"tied_head"`, which is about parameters);
    only what is computed with them does. The modules concerned get a class that overrides one
    method: read it with `source`.

    Args:
        model: a model of this package, or a part of one.
        name: one of `MISTAKES`.

    Returns:
        The model.

    Raises:
        TypeError: if `model` is no module.
        ValueError: if there is no such mistake, it cannot show in this model, or the model has a
            mistake already.

    Example:
        >>> from glassbox.gpt import GPT, GPTConfig
        >>> sizes = {"vocab_size": 9, "context_length": 8, "d_model": 16, "n_heads": 4}
        >>> model = plant(GPT(GPTConfig(**sizes, n_layers=2)), "no_mask")
        >>> planted_in(model)
        'no_mask'
        >>> planted_in(mend(model)) is None
        True
    """
    mistake = _mistake(name)
    present = planted_in(model)
    if present is not None:
        raise ValueError(
            f"the model has the mistake {present!r} already, and {name!r} was to be planted; "
            "expected a correct model. Mend it first: mistakes.mend(model)."
        )
    spots = [(part, wrong) for place, wrong in mistake.patches for part in place.find(model)]
    if not spots:
        needs = mistake.patches[-1][0].needs
        raise ValueError(f"{name!r} cannot show in this {type(model).__name__}: it has no {needs}")
    for part, wrong in spots:
        part.__class__ = _wrong_class(wrong, type(part), name)
        if hasattr(wrong, "planted"):
            part.planted()
    return model


def mend(model: nn.Module) -> nn.Module:
    """Undo what `plant` did, in place; a correct model stays as it is.

    Args:
        model: the model.

    Returns:
        The model. Its parameters are those that it has learned meanwhile.

    Raises:
        TypeError: if `model` is no module.

    Example:
        >>> from glassbox.norms import LayerNorm
        >>> norm = mend(plant(LayerNorm(4), "eps_outside"))
        >>> type(norm) is LayerNorm
        True
    """
    checks.module("model", model, "GPT(preset('gpt2'))")
    for part in model.modules():
        if hasattr(type(part), "_correct"):
            if hasattr(part, "mended"):
                part.mended()
            part.__class__ = type(part)._correct
    return model


@contextmanager
def planted(model: nn.Module, name: str) -> Iterator[nn.Module]:
    """Plant a mistake while the `with` block runs.

    Args:
        model: as in `plant`.
        name: one of `MISTAKES`.

    Yields:
        The model.

    Raises:
        ValueError: as `plant`.

    Example:
        >>> import torch
        >>> from glassbox.norms import LayerNorm
        >>> norm, x = LayerNorm(2), torch.tensor([[1.0, 3.0]])
        >>> with planted(norm, "unbiased_variance"):
        ...     wrong = norm(x)
        >>> wrong.detach(), norm(x).detach()
        (tensor([[-0.7071,  0.7071]]), tensor([[-1.0000,  1.0000]]))
    """
    plant(model, name)
    try:
        yield model
    finally:
        mend(model)


def planted_in(model: nn.Module) -> str | None:
    """Return the name of the mistake in a model, or None where `plant` has left none.

    Args:
        model: the model.

    Raises:
        TypeError: if `model` is no module.

    Example:
        >>> planted_in(nn.Linear(2, 2)) is None
        True
    """
    checks.module("model", model, "GPT(preset('gpt2'))")
    names = (getattr(type(part), "_mistake", None) for part in model.modules())
    return next((name for name in names if name is not None), None)


def source(name: str) -> str:
    """Return the code of a mistake: what it overrides, like the lines of a diff.

    Args:
        name: one of `MISTAKES`.

    Raises:
        ValueError: if there is no such mistake.

    Example:
        >>> print(source("dropout_in_evaluation"))  # doctest: +ELLIPSIS
        class DropoutInEvaluation:
        ...
                return F.dropout(x, self.p)
    """
    wrongs = dict.fromkeys(wrong for _, wrong in _mistake(name).patches)
    return "\n\n\n".join(dedent(inspect.getsource(wrong)).rstrip() for wrong in wrongs)


def _mistake(name: str) -> Mistake:
    """Return a mistake by its name, or refuse a name that is none."""
    checks.one_of("name", name, MISTAKES)
    return MISTAKES[name]


@cache
def _wrong_class(wrong: type, correct: type, name: str) -> type:
    """Return the class that computes as `wrong` says, and otherwise as `correct` does.

    It is called like the correct one: a mistake is to be found by what it does.
    """
    known = {"_correct": correct, "_mistake": name, "__module__": correct.__module__}
    return type(correct.__name__, (wrong, correct), known | {"__doc__": correct.__doc__})
