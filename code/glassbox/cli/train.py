"""`python -m glassbox train`: a model, from nothing to a sample of what it writes."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import nn

from glassbox.cli.sample import write_sample
from glassbox.corpora import Corpus, language_reference, read_text, text_corpus, tiny_shakespeare
from glassbox.costs import matmul_rate, memory, training_flops, utilization
from glassbox.distributed import STRATEGIES, process_group
from glassbox.gpt import GPT
from glassbox.recipes import RECIPES, Recipe, recipe
from glassbox.tokenizers import BytePairTokenizer, CharacterTokenizer, Tokenizer
from glassbox.training import Batches, History, choose_precision, latest, train

SUMMARY = "Train a model on a text, save it, and show what it writes."


def add_options(parser: ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--text",
        default="reference",
        help="what to learn from: 'reference' (the Python language reference, which every Python "
        "carries; the default), 'shakespeare' (downloaded once), or the path of a text file",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/first"),
        help="folder for the checkpoints; if a run is there already, it goes on "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--recipe",
        choices=RECIPES,
        default="character",
        help="the model and how it is trained (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, help="number of updates (default: the recipe's)")
    parser.add_argument("--batch-size", type=int, help="windows in a batch (default: the recipe's)")
    parser.add_argument(
        "--seed", type=int, default=0, help="decides every random number (default: 0)"
    )
    parser.add_argument("--device", default=None, help="'cpu' or 'cuda' (default: a GPU if any)")
    parser.add_argument(
        "--compile", action="store_true", help="turn the model into faster code first"
    )
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="ddp",
        help="how several processes share the work, under torchrun (default: %(default)s)",
    )
    parser.add_argument(
        "--sample", type=int, default=300, help="tokens to show at the end (default: 300)"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(given: Namespace) -> None:
    """Train, save and show."""
    plan = _plan(given)
    with process_group(given.strategy, given.device) as group:
        corpus = _corpus(given.text, plan)
        plan = replace(plan, model=replace(plan.model, vocab_size=corpus.tokenizer.vocab_size))
        torch.manual_seed(given.seed)
        model = GPT(plan.model).to(group.device)
        batches = Batches(corpus.train, plan.batch_size, seed=given.seed)
        held_out = Batches(corpus.held_out, plan.batch_size, shuffle=False)
        going_on = latest(given.folder)
        if group.leads:
            _introduce(plan, model, corpus, going_on)
        shared = group.share(model)
        if plan.compiled or given.compile:
            shared.compile()
        history = train(
            shared,
            batches.shard(group.rank, group.world),
            plan.training,
            held_out=held_out,
            run=given.folder,
            extra={"tokenizer": corpus.tokenizer.to_dict()},
            progress=(None if not given.quiet else False) if group.leads else False,
        )
        if group.leads:
            last = history.evaluations[-1].loss
            print(f"Held-out loss {last:.3f} nats a token after {len(history.records)} steps.")
            print(_speed(plan, history, model, group.world))
            print(f"Saved in {latest(given.folder)}\n")
        if group.leads and not group.sharded and given.sample > 0:
            write_sample(model.eval(), corpus.tokenizer, tokens=given.sample)
            print(f"\nMore: python -m glassbox generate --folder {given.folder} --prompt 'The '")


def _plan(given: Namespace) -> Recipe:
    """Return the recipe with what the options change in it."""
    plan = recipe(given.recipe)
    changes = {"seed": given.seed}
    if given.steps is not None:
        changes["steps"] = given.steps
        changes["warmup"] = min(plan.training.warmup, given.steps // 10)
    training = replace(plan.training, **changes)
    return replace(plan, training=training, batch_size=given.batch_size or plan.batch_size)


def _corpus(text: str, plan: Recipe) -> Corpus:
    """Return the windows of a text, under the tokenizer that suits the model."""
    known = {"reference": language_reference, "shakespeare": tiny_shakespeare}
    content = known[text]() if text in known else read_text(text)
    tokenizer: Tokenizer = CharacterTokenizer.from_text(content)
    if plan.model.vocab_size > 1_000:
        tokenizer = BytePairTokenizer.train(content, vocab_size=min(plan.model.vocab_size, 4_096))
    return text_corpus(content, tokenizer, context_length=plan.model.context_length)


def _introduce(plan: Recipe, model: nn.Module, corpus: Corpus, going_on: Path | None) -> None:
    """Say what is about to happen."""
    count = sum(p.numel() for p in model.parameters())
    device = next(model.parameters()).device
    precision = choose_precision(plan.training.precision, device)
    print(f"A GPT of {count:,} parameters, {plan.training.steps:,} steps on {device}.")
    print(
        f"Text: {len(corpus.train):,} windows of {plan.model.context_length} tokens, and ", end=""
    )
    print(f"{len(corpus.held_out):,} held out; {corpus.tokenizer.vocab_size} distinct tokens.")
    print(precision.sentence)
    needed = memory(
        plan.model,
        batch=plan.batch_size // plan.training.accumulate,
        seq=plan.model.context_length,
        optimizer=plan.training.optimizer,
        precision="bfloat16" if precision.autocast else "float32",
    )
    print(f"It needs about {needed.total / 1e9:.2f} GB of memory.")
    if going_on is not None:
        print(f"Goes on from {going_on}")


def _speed(plan: Recipe, history: History, model: nn.Module, world: int) -> str:
    """Say how fast a step was, and what share of the machine it used."""
    seconds = median(history.seconds)
    work = training_flops(plan.model, plan.batch_size, plan.model.context_length) / world
    device = next(model.parameters()).device
    autocast = choose_precision(plan.training.precision, device).autocast
    peak = matmul_rate(torch.bfloat16 if autocast else torch.float32, device)
    return (
        f"A step took {1e3 * seconds:.0f} ms: {work / seconds / 1e9:,.0f} GFLOP/s, "
        f"{utilization(work, seconds, peak):.0%} of the rate of large matrix products here."
    )
