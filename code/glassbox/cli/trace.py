"""`python -m glassbox trace`: every shape, every parameter, and what it all costs."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch

from glassbox.blank import blank
from glassbox.costs import summary
from glassbox.gpt import GPT, PRESETS, preset
from glassbox.inspection import count_parameters, trace_shapes
from glassbox.training import load_model

SUMMARY = "Show the shapes of a forward pass, the parameters, and the memory and work they cost."


def add_options(parser: ArgumentParser) -> None:
    """Describe the options."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--preset",
        choices=PRESETS,
        default="character",
        help="a model by name (default: character)",
    )
    source.add_argument("--folder", type=Path, help="folder of a run")
    parser.add_argument("--batch", type=int, default=1, help="number of sequences (default: 1)")
    parser.add_argument("--seq", type=int, help="tokens in each (default: what the context holds)")


def run(given: Namespace) -> None:
    """Trace and print."""
    if given.folder is not None:
        model = load_model(given.folder)
    else:
        with blank():  # even GPT-2 XL takes no memory then
            model = GPT(preset(given.preset))
    seq = model.config.context_length if given.seq is None else given.seq
    tokens = torch.zeros(given.batch, seq, dtype=torch.long, device=model.head.weight.device)
    print(trace_shapes(model, tokens), end="\n\n")
    print(count_parameters(model), end="\n\n")
    print(summary(model.config, batch=given.batch, seq=seq))
