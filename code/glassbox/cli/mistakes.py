"""`python -m glassbox mistakes`: train with every mistake, and write down what one sees of it."""

import platform
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import torch

from glassbox import checks
from glassbox.corpora import language_reference, text_corpus
from glassbox.mistakes import MISTAKES
from glassbox.mistakes.stored import read_trials, write_trials
from glassbox.mistakes.trial import trial, usual_dropout

SUMMARY = "Train a small model with every known mistake in it, and measure what one sees of it."


def add_options(parser: ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--steps", type=int, default=1000, help="updates in each training (default: 1000)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="trainings with each mistake (default: 3)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=MISTAKES, metavar="NAME", help="these mistakes (default: all)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("measured.json"),
        help="where to write; what is there already is not measured again (default: %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(given: Namespace) -> None:
    """Measure what is missing, and write after each training."""
    from tqdm import tqdm

    checks.positive(steps=given.steps, seeds=given.seeds)
    torch.set_num_threads(1)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    settings = _settings(given.steps)
    trials = read_trials(given.out, settings)
    present = {(each.name, each.dropout, each.seed) for each in trials}
    cases = [(None, 0.0), (None, 0.1)]  # the correct model, to compare both kinds with
    cases += [(name, usual_dropout(name)) for name in given.only or MISTAKES]
    jobs = [(*case, seed) for seed in range(given.seeds) for case in cases]
    missing = [job for job in jobs if job not in present]
    corpus = text_corpus(language_reference(), context_length=settings["context_length"])
    chosen = {name: settings[name] for name in ("steps", "batch_size", "rate")}
    with tqdm(missing, unit="training", disable=given.quiet or not sys.stderr.isatty()) as bar:
        for name, dropout, seed in bar:
            bar.set_postfix_str(f"{name or 'correct'}, seed {seed}")
            trials.append(trial(name, seed, corpus=corpus, dropout=dropout, **chosen))
            write_trials(given.out, settings, trials)
    print(f"{given.out} holds {len(trials)} trainings, {len(missing)} of them new.")


def _settings(steps: int) -> dict[str, Any]:
    """Return what decides the numbers, besides the mistake and the seed."""
    return {
        "command": f"python -m glassbox mistakes --steps {steps}",
        "text": "characters of glassbox.corpora.language_reference()",
        "steps": steps,
        "context_length": 32,
        "batch_size": 16,
        "rate": 3e-3,
        "model": "GPT: 2 blocks, width 64, 4 heads, learned positions; float32, one thread",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
