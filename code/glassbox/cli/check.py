"""`python -m glassbox check`: run every probe on a model, whoever wrote it."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from glassbox.invariants import check

SUMMARY = "Check the invariants of a transformer on a model of yours: any that maps ids to logits."


def add_options(parser: ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "model",
        metavar="MODULE:NAME",
        help="a module, and in it a model or a function that builds one: my_module:build_model",
    )
    parser.add_argument(
        "--two-way",
        action="store_true",
        help="tokens may see what comes after them, as in an encoder",
    )
    parser.add_argument(
        "--trained", action="store_true", help="its parameters are no longer those it started with"
    )
    for name, task in (
        ("loss", "loss(model, tokens): the training loss"),
        ("evaluate", "evaluate(model, batches): evaluates"),
        ("cached", "cached(model, tokens, prompt): logits computed with a cache"),
        ("padded", "padded(model, tokens, real): logits of texts padded on the left"),
    ):
        parser.add_argument(f"--{name}", metavar="NAME", help=f"a function of the module, {task}")
    parser.add_argument(
        "--skip", nargs="*", default=[], metavar="NAME", help="leave these invariants out"
    )
    parser.add_argument("--seq", type=int, help="tokens in a text (default: up to ten)")
    parser.add_argument("--seed", type=int, default=0, help="decides the texts (default: 0)")


def run(given: Namespace) -> int:
    """Check and print; return 1 where an invariant fails."""
    place, _, name = given.model.partition(":")
    module = _module(place)
    model = _named(module, name or "build_model")
    if not isinstance(model, nn.Module) and callable(model):
        model = model()
    names = {task: getattr(given, task) for task in ("loss", "evaluate", "cached", "padded")}
    functions = {task: _named(module, name) for task, name in names.items() if name is not None}
    causal = False if given.two_way else None
    options = {name: getattr(given, name) for name in ("trained", "skip", "seq", "seed")}
    report = check(model, causal=causal, **options, **functions)
    print(report)
    return int(bool(report.failed))


def _module(place: str) -> Any:
    """Import a module by name, from where the command is run."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(place)
    except ModuleNotFoundError as reason:
        if reason.name and place.split(".")[0] == reason.name.split(".")[0]:
            raise ValueError(
                f"there is no module {place!r}; expected the name of a file in {here} or of an "
                "installed package, without '.py', such as my_module:build_model."
            ) from None
        raise ValueError(f"importing {place!r} failed: {reason}. Install what it needs.") from None


def _named(module: Any, name: str) -> nn.Module | Callable:
    """Return something of a module, or say what there is."""
    if not hasattr(module, name):
        known = [n for n, x in vars(module).items() if callable(x) and not n.startswith("_")]
        raise ValueError(
            f"{module.__name__} has no {name!r}; expected the name of a model or of a function "
            f"that builds one. It has: {', '.join(sorted(known)) or 'nothing that can be called'}."
        )
    return getattr(module, name)
