"""What a model returns, and the losses that models are trained with."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from glassbox import checks


class Output(NamedTuple):
    """Logits, and the loss where targets were given: `logits, loss = model(tokens, targets)`.

    Args:
        logits: one score for each class or vocabulary entry, before any softmax.
        loss: mean cross-entropy in nats, a scalar; `None` without targets.

    Example:
        >>> logits, loss = Output(torch.zeros(1, 4, 65), None)
        >>> logits.shape, loss
        (torch.Size([1, 4, 65]), None)
    """

    logits: Tensor
    loss: Tensor | None


IGNORED = -100
"""The target that no loss counts, as in PyTorch."""


def cross_entropy(
    logits: Float[Tensor, "*batch classes"],
    targets: Int[Tensor, "*batch"] | None,
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""] | None:
    r"""Return the mean surprise at the true class, over the targets that count.

    $$\ell = -\frac{1}{n}\sum_i \log \operatorname{softmax}(z_i)_{y_i}$$

    With label smoothing ε, the target is the true class with probability 1 − ε and any class,
    drawn evenly, with probability ε.

    Args:
        logits: scores z before the softmax, shape `(..., classes)`.
        targets: the true class of each, shape `(...)`; entries of −100 are left out of the mean.
            `None` where nothing is to be compared.
        label_smoothing: the share ε that is spread over all classes.

    Returns:
        The loss in nats; `None` without targets.

    Raises:
        TypeError: if the logits are no scores, or the targets no whole numbers.
        ValueError: if the shapes do not fit, a target is no class, or every target is ignored
            (the mean of nothing is not a number).

    Source:
        Goodfellow, Bengio and Courville (2016), "Deep Learning", section 6.2.2,
        https://www.deeplearningbook.org; label smoothing: Szegedy et al. (2016), "Rethinking the
        Inception Architecture", section 7, https://doi.org/10.48550/arXiv.1512.00567

    Example:
        >>> cross_entropy(torch.zeros(2, 65), torch.tensor([7, -100]))  # ln 65
        tensor(4.1744)
    """
    if targets is None:
        return None
    _check_targets(logits, targets)
    checks.share(label_smoothing=label_smoothing)
    return F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]),
        targets.flatten().long(),
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
    )


def _check_targets(logits: Tensor, targets: Tensor) -> None:
    """Raise a ValueError where targets do not fit the logits."""
    checks.tensor("logits", logits)
    checks.tensor("targets", targets)
    if not logits.is_floating_point() or logits.ndim == 0:
        raise TypeError(
            f"logits holds {logits.dtype} of shape {tuple(logits.shape)}; expected floating-point "
            "scores, shape (..., classes). The order is cross_entropy(logits, targets)."
        )
    if targets.is_floating_point() or targets.dtype == torch.bool:
        raise TypeError(
            f"targets holds {targets.dtype}; expected the number of the true class, torch.int64. "
            "Convert it: targets.long(), or targets.argmax(-1) where each class has a share."
        )
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"targets has shape {tuple(targets.shape)}, but the logits have shape "
            f"{tuple(logits.shape)}: expected one target for each, {tuple(logits.shape[:-1])}."
            + _way_to_fit(logits, targets)
        )
    checks.place("targets", targets, logits, "the logits")
    if torch.compiler.is_compiling() or targets.is_meta:
        return  # the values are not known here
    counted = targets[targets != IGNORED]
    if counted.numel() == 0:
        raise ValueError(
            f"there is no target, or every target is {IGNORED}, so no token counts and the mean is "
            "0 / 0. Leave such a batch out, or check how the targets were masked."
        )
    if counted.min() < 0 or counted.max() >= logits.shape[-1]:
        wrong = counted.min() if counted.min() < 0 else counted.max()
        raise ValueError(
            f"targets holds {wrong.item()}, but there are {logits.shape[-1]} classes: expected 0 "
            f"to {logits.shape[-1] - 1}, or {IGNORED} for a target that does not count."
        )


def _way_to_fit(logits: Tensor, targets: Tensor) -> str:
    """Return a likely fix where there is not one target for each row of logits."""
    if targets.ndim == logits.ndim:
        pick = "squeeze" if targets.shape[-1] == 1 else "argmax"
        return f" Keep one number of each row: targets.{pick}(-1)."
    if targets.ndim == 2:
        return " Cut both from one text: tokens = text[:, :-1] and targets = text[:, 1:]."
    return ""


def contrastive_loss(
    left: Float[Tensor, "batch d_model"],
    right: Float[Tensor, "batch d_model"],
    temperature: float = 0.05,
) -> Float[Tensor, ""]:
    r"""Pull the vectors of a pair together, and push those of different pairs apart.

    $$\ell = -\frac{1}{B}\sum_i \log
    \frac{\exp(\cos(a_i, b_i)/\tau)}{\sum_j \exp(\cos(a_i, b_j)/\tau)}$$

    Args:
        left: the vectors a, one a pair, shape `(B, d_model)`.
        right: the vectors b, shape `(B, d_model)`.
        temperature: the τ that sharpens the comparison; positive.

    Returns:
        The loss in nats; ln B where nothing is told apart.

    Raises:
        ValueError: if `temperature` is not positive, or there is only one pair.

    Source:
        van den Oord, Li and Vinyals (2018), "Contrastive Predictive Coding", equation 4,
        https://doi.org/10.48550/arXiv.1807.03748; Gao, Yao and Chen (2021), "SimCSE", equation 1,
        https://doi.org/10.18653/v1/2021.emnlp-main.552

    Example:
        >>> contrastive_loss(torch.ones(32, 4), torch.ones(32, 4))  # ln 32
        tensor(3.4657)
    """
    checks.above_zero("temperature", temperature, example=0.05)
    _check_pairs(left, right)
    similar = F.normalize(left, dim=-1) @ F.normalize(right, dim=-1).T / temperature
    return F.cross_entropy(similar, torch.arange(len(left), device=left.device))


def _check_pairs(left: Tensor, right: Tensor) -> None:
    """Raise an error unless there are two or more pairs of vectors."""
    checks.tensor("left", left)
    checks.tensor("right", right)
    fit = left.ndim == 2 and left.shape == right.shape and left.is_floating_point()
    if not fit or left.dtype != right.dtype:
        raise ValueError(
            f"left has shape {tuple(left.shape)} of {left.dtype} and right {tuple(right.shape)} of "
            f"{right.dtype}; expected the same of both: (pairs, d_model), floating point."
        )
    checks.place("right", right, left, "left")
    if len(left) < 2:
        raise ValueError(
            f"left and right hold {len(left)} vectors, so there is at most one pair; expected 2 or "
            "more, because a pair is told apart from the others."
        )
