"""Probes of parts: norms are their formula, and tokens reach their logits past attention."""

from inspect import signature

import torch
from torch import Tensor, nn

from glassbox.invariants.comparing import TOLERANCE, difference
from glassbox.invariants.listening import Ear
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown

EPSILONS = (1e-5, 1e-6, 1e-8, 1e-12)
OTHERS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm)


def norms(model: nn.Module | Subject) -> Verdict:
    """Check that each norm computes layer norm or RMS norm, as PyTorch does.

    Each is called on its own, with vectors of a usual size and with tiny ones, where ε decides.

    Args:
        model: a model with modules that have "norm" in the name of their class.

    Returns:
        The largest difference of a norm's output from the nearer of the two formulas.

    Source:
        Ba, Kiros and Hinton (2016), equations 3 and 4, https://doi.org/10.48550/arXiv.1607.06450;
        Zhang and Sennrich (2019), equation 4, https://doi.org/10.48550/arXiv.1910.07467

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> norms(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    layers = [m for m in asked.model.modules() if _is_norm(m)]
    if not layers:
        return Verdict("norms", None, "no module is called a norm")
    apart = {layer: _apart(layer, seed=asked.seed) for layer in layers}
    worst = max(apart, key=apart.get)
    found = apart[worst]
    passed = found <= TOLERANCE
    return Verdict(
        "norms",
        passed,
        f"off the formula by {shown(found)}",
        found,
        "" if passed else _which_norm(worst, asked.seed),
    )


def residual(model: nn.Module | Subject) -> Verdict:
    """Check that a token reaches its own logits when attention is silenced.

    Every context is replaced by zeros. What is left of the path from a token to its logits is the
    residual stream.

    Args:
        model: a model whose attention can be heard.

    Returns:
        How much the logits at a place depend on the token there, in standard deviations of the
        logits; 0 where the path is cut.

    Source:
        He et al. (2016), "Deep Residual Learning", equation 1,
        https://doi.org/10.48550/arXiv.1512.03385

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> residual(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    tokens = asked.tokens()
    if not asked.per_token or not asked.listen(tokens):
        return Verdict("residual", None, "no attention was heard")
    with_one = asked.logits(tokens, Ear(silence=True))
    with_other = asked.logits(asked.others(tokens), Ear(silence=True))
    size = asked.logits(tokens).float().std().clamp(min=1e-12)
    found = ((with_one - with_other).abs().max() / size).item()
    passed = found > TOLERANCE
    return Verdict(
        "residual",
        passed,
        f"own token moves logits {shown(found)}",
        found,
        "" if passed else "the residual connection around attention: x + attention(norm(x))",
    )


def _is_norm(module: nn.Module) -> bool:
    """Tell whether a module is a norm of vectors."""
    named = "norm" in type(module).__name__.lower() and not isinstance(module, OTHERS)
    scale = getattr(module, "weight", getattr(module, "gamma", None))
    return named and isinstance(scale, Tensor) and scale.ndim == 1 and _takes_one(module)


def _takes_one(module: nn.Module) -> bool:
    """Tell whether a module is called with the vectors alone."""
    try:
        signature(module.forward).bind("x")
    except TypeError:
        return False
    return True


def _apart(layer: nn.Module, seed: int) -> float:
    """Return how far a norm is from the nearer formula, over vectors of two sizes."""
    return min(_gap(layer, seed, ddof=0, outside=False, center=c) for c in (True, False))


def _gap(layer: nn.Module, seed: int, *, ddof: int, outside: bool, center: bool) -> float:
    """Return how far a norm is from one formula, with the ε that fits it best."""
    weight = getattr(layer, "weight", getattr(layer, "gamma", None))
    known = [getattr(layer, name, None) for name in ("eps", "epsilon", "variance_epsilon")]
    known = [value for value in known if isinstance(value, float)] or EPSILONS
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, len(weight), generator=generator).to(weight)
    x = torch.cat([x + 0.5, 1e-3 * x])[None]
    with torch.no_grad():
        output = layer(x)
        normed = [_normed(x, eps, ddof, outside, center) for eps in known]
        gaps = [
            difference(output, n * s + _shift(layer)) for n in normed for s in (weight, 1 + weight)
        ]
    return min(gaps)


def _shift(layer: nn.Module) -> Tensor | float:
    """Return what a norm adds at the end."""
    bias = getattr(layer, "bias", getattr(layer, "beta", None))
    return bias if isinstance(bias, Tensor) else 0.0


def _normed(x: Tensor, eps: float, ddof: int, outside: bool, center: bool) -> Tensor:
    """Return layer norm (centered) or RMS norm, in one of the ways in which people write them."""
    x = x - x.mean(-1, keepdim=True) if center else x
    variance = x.square().sum(-1, keepdim=True) / (x.shape[-1] - ddof)
    return x / (variance.sqrt() + eps if outside else (variance + eps).sqrt())


def _which_norm(layer: nn.Module, seed: int) -> str:
    """Name what a norm does instead."""
    names = {
        (1, False): "the variance of a norm: it divides by D − 1, as torch.var and torch.std do",
        (0, True): "ε of a norm: it stands outside the root",
        (
            1,
            True,
        ): "a norm with D − 1 in the variance and ε outside the root, as torch.std tempts to",
    }
    for (ddof, outside), name in names.items():
        for center in (True, False):
            if _gap(layer, seed, ddof=ddof, outside=outside, center=center) <= TOLERANCE:
                return name
    return f"the norm {type(layer).__name__}: it is neither layer norm nor RMS norm"
