"""What a part of a block is, in words: its kind, its sizes, its parameters."""

from torch import nn

from glassbox.figures.wiring import Step
from glassbox.figures.words import several
from glassbox.positions import NoPositions


def said(step: Step) -> str:
    """Say a step in words: its kind, its size and what it takes."""
    inputs = several([total(step.takes), *step.reads])
    return f"{step.name} ({facts(step.module)}, {count(step.module)}) takes {inputs}"


def total(takes: dict[str, float]) -> str:
    """Write a weighted sum, such as 'x + 0.5 attention'."""
    terms = (f"{name}" if factor == 1 else f"{factor:g} {name}" for name, factor in takes.items())
    return " + ".join(terms) or "nothing"


def count(module: nn.Module) -> str:
    """Count parameters."""
    return f"{sum(parameter.numel() for parameter in module.parameters()):,} parameters"


def kind(module: nn.Module) -> str:
    """Tell by its parts what a module is."""
    if hasattr(module, "n_heads") or hasattr(module, "w_q"):
        return "attention"
    return "feed-forward" if hasattr(module, "w_in") and hasattr(module, "w_out") else "other"


def facts(module: nn.Module) -> str:
    """Say what a part is: its heads, its widths and activation, or else the name of its class."""
    what, name = kind(module), type(module).__name__
    if what == "attention":
        heads, shared = getattr(module, "n_heads", 1), getattr(module, "n_kv_heads", None)
        width = getattr(module, "d_head", None) or module.w_q.out_features
        said = [f"{heads} head{'s'[: heads > 1]} of width {width}"]
        if shared not in (None, heads):
            said.append(f"{shared} for keys and values")
        if any(getattr(part, "causal", False) for part in module.modules()):
            said.append("causal")
        scheme = getattr(module, "positions", None)
        if scheme is not None and not isinstance(scheme, NoPositions):
            said.append(type(scheme).__name__)
        return ", ".join(said)
    if what == "feed-forward":
        activation = type(module.activation).__name__ if hasattr(module, "activation") else name
        widths = module.w_in.in_features, module.w_in.out_features, module.w_out.out_features
        return f"{' → '.join(map(str, widths))}, {activation}"
    return name
