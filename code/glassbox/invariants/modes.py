"""The probe of modes: training and evaluating differ by dropout, and one can switch back."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from glassbox.invariants.comparing import TOLERANCE, difference
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown
from glassbox.training.surroundings import own_randomness

DROPOUTS = {F.dropout, torch.dropout, torch.dropout_, F.alpha_dropout, F.feature_alpha_dropout}


def modes(model: nn.Module | Subject) -> Verdict:
    """Check that training and evaluating differ by dropout alone, and that one can switch back.

    Four things in turn: evaluating twice gives the same; `train()` and `eval()` reach every part,
    also after each other; without dropout, both modes give the same; and a function that
    evaluates, if the `Subject` was given one, leaves the modes as they were.

    Args:
        model: any model.

    Returns:
        The largest change of a logit, in standard deviations of the logits; or the number of parts
        that are in the wrong mode.

    Source:
        Srivastava et al. (2014), "Dropout", section 10 (test time),
        https://jmlr.org/papers/v15/srivastava14a.html

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> modes(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    tokens = asked.tokens()
    with asked.quiet():
        twice = difference(asked(tokens), asked(tokens))
    if twice > TOLERANCE:
        found = f"eval() twice differs by {shown(twice)}"
        culprit = "dropout that stays on in eval(): F.dropout needs training=self.training"
        return Verdict("modes", False, found, twice, culprit)
    if stuck := _stuck(asked):
        found = f"{stuck} parts are in the wrong mode"
        return Verdict(
            "modes", False, found, float(stuck), "what comes after an evaluation: train()"
        )
    with asked.quiet(), NoDropout():
        evaluating = asked(tokens)
        asked.model.train()
        apart = difference(asked(tokens), evaluating)
    if apart > TOLERANCE:
        found = f"train() and eval(): {shown(apart)}"
        return Verdict("modes", False, found, apart, "what else asks self.training, or batch norm")
    if asked.evaluate is not None and (left := _left(asked, tokens)):
        found = f"evaluating switches {left} parts"
        culprit = "the evaluation: model.train() is missing after model.eval()"
        return Verdict("modes", False, found, float(left), culprit)
    return Verdict("modes", True, f"train() and eval(): {shown(apart)}", apart)


class NoDropout(TorchFunctionMode):
    """Switch all dropout off while the `with` block runs, also inside attention."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Carry out a function of torch, but for dropout."""
        kwargs = kwargs or {}
        if func in DROPOUTS:
            return args[0] if args else kwargs["input"]
        if func is F.scaled_dot_product_attention and "dropout_p" in kwargs:
            kwargs = kwargs | {"dropout_p": 0.0}
        if func is F.multi_head_attention_forward:
            kwargs = kwargs | {"training": False}
        return func(*args, **kwargs)


def _stuck(asked: Subject) -> int:
    """Return how many parts are in the wrong mode after switching to and fro."""
    asked.model.train()
    asked.model.eval()
    evaluating = sum(module.training for module in asked.model.modules())
    asked.model.train()
    return evaluating + sum(not module.training for module in asked.model.modules())


def _left(asked: Subject, tokens: Tensor) -> int:
    """Return how many parts a function that evaluates left in another mode."""
    asked.model.train()
    with own_randomness(asked.device):
        asked.evaluate(asked.model, [(tokens[:, :-1], tokens[:, 1:])])
    return sum(not module.training for module in asked.model.modules())
