"""What is compared, and the tables that come of it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

import torch

from bookkit.bench import peers
from bookkit.bench.profile import by_kind
from glassbox.bench.tables import comparison, memory_table, training_table
from glassbox.bench.timing import Timing, interleave
from glassbox.bench.work import decoding, small_gpt, training_step
from glassbox.corpora import language_reference, text_corpus
from glassbox.generation import stream
from glassbox.gpt import GPT, preset
from glassbox.inspection.tables import Row, Table
from glassbox.recipes import recipe
from glassbox.training import Batches, History, train

LONG = 1024
"""Context length of the models that write."""


def tables(rounds: int) -> Iterator[Table]:
    """Yield each comparison as soon as it is measured."""
    yield steps(rounds)
    yield by_kind()
    yield half_precision(rounds)
    yield writing(max(3, rounds // 2))
    yield by_context(max(3, rounds // 2))
    yield writing_gpt2(3)
    yield memory_table()
    yield imports(max(3, rounds // 2))
    yield to_a_loss()


def steps(rounds: int) -> Table:
    """Return how long a training step takes, here and elsewhere."""
    ours = small_gpt()
    return training_table(
        {
            "glassbox": training_step(ours),
            "glassbox, precision 'auto'": training_step(small_gpt(), precision="auto"),
            "Hugging Face GPT-2": training_step(peers.hugging_face(65, 64, 128, 4, 4)),
            "nn.TransformerEncoder": training_step(peers.TorchGPT(), logits=lambda x: x),
            "x-transformers": training_step(peers.x_transformers(64), logits=lambda x: x),
        },
        rounds,
    )


def half_precision(rounds: int) -> Table:
    """Return what PyTorch's fused attention takes forward and backward, in both precisions."""
    rows = []
    for batch, seq in ((12, 64), (4, 256), (1, 1_024)):
        runs = {dtype: _attend(batch, seq, dtype) for dtype in (torch.float32, torch.bfloat16)}
        timings = interleave(runs, rounds)
        single, half = (1e3 * timing.median for timing in timings.values())
        cells = (f"{batch} of {seq:,}", f"{single:.2f}", f"{half:.2f}", f"{half / single:.1f}")
        rows.append(Row(0, cells))
    header = ("texts", "float32", "bfloat16", "times as long")
    title = "Fused attention, forward and backward, in milliseconds: 4 heads of width 32"
    return Table(title, header, rows, {1, 2, 3})


def _attend(batch: int, seq: int, dtype: torch.dtype) -> Callable[[], None]:
    """Return a function that runs PyTorch's causal kernel and its backward pass."""
    shape = (3, batch, 4, seq, 32)
    parts = [part.clone().requires_grad_() for part in torch.randn(shape, dtype=dtype)]

    def run() -> None:
        context = torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        torch.autograd.grad(context.sum(), parts)

    return run


def writing(rounds: int) -> Table:
    """Return the time of a token at the small shape; the first row is Hugging Face's."""
    n = 512
    ours = small_gpt(context_length=LONG).eval()
    contestants = {
        "Hugging Face GPT-2, cached": peers.hugging_face_writes(
            peers.hugging_face(65, LONG, 128, 4, 4).eval(), n
        ),
        "glassbox, cached": decoding(ours, n),
        "x-transformers, cached": peers.x_transformers_writes(peers.x_transformers(LONG).eval(), n),
        "glassbox, without a cache": decoding(ours, n, use_cache=False),
    }
    title = f"A token: small shape, one text, {n} tokens"
    return _per_token(title, interleave(contestants, rounds), n)


def writing_gpt2(rounds: int) -> Table:
    """Return the time of a token at the shape of GPT-2 small."""
    n = 32
    sizes = (50_257, 1_024, 768, 12, 12)
    contestants = {
        "Hugging Face, float32": peers.hugging_face_writes(peers.hugging_face(*sizes).eval(), n),
        "Hugging Face, bfloat16": peers.hugging_face_writes(
            peers.hugging_face(*sizes).bfloat16().eval(), n
        ),
        "glassbox, float32": decoding(GPT(preset("gpt2")).eval(), n),
        "glassbox, bfloat16": decoding(GPT(preset("gpt2")).bfloat16().eval(), n),
    }
    numbers = torch.randn(124_439_808)  # as many as the model has parameters
    timings = interleave({**contestants, "reading": numbers.sum}, rounds)
    reading = timings.pop("reading").median
    title = f"A token: the shape of GPT-2 (124 million parameters), one text, {n} tokens"
    share = n * reading / timings["glassbox, float32"].median
    note = (
        f"Reading as many float32 numbers once takes {1e3 * reading:.0f} ms here "
        f"({4e-9 * len(numbers) / reading:.0f} GB/s), the least that a token can take in float32, "
        f"and {share:.0%} of what glassbox takes."
    )
    return _per_token(title, timings, n)._replace(notes=[note])


def by_context(rounds: int) -> Table:
    """Return the time of a token after more and more context, with a cache."""
    n, model = 32, small_gpt(context_length=LONG).eval()

    def after(context: int) -> Callable[[], float]:
        prompt = torch.zeros(1, context, dtype=torch.long)

        def write() -> float:
            columns = stream(model, prompt, n + 1)
            next(columns)  # the whole prompt in one pass
            start = perf_counter()
            for _ in columns:
                pass
            return perf_counter() - start

        return write

    writers = {f"after {context} tokens": after(context) for context in (1, 100, 500, 980)}
    seconds = {name: [] for name in writers}
    for turn in range(rounds + 1):
        for name, write in writers.items():
            took = write()
            if turn > 0:
                seconds[name].append(took)
    timings = {name: Timing(tuple(took)) for name, took in seconds.items()}
    return _per_token("A token with a cache, by the context before it", timings, n)


def imports(rounds: int) -> Table:
    """Return the CPU time of a fresh Python that imports a package."""
    statements = {
        "torch": "import torch",
        "glassbox.gpt": "import glassbox.gpt",
        "glassbox, training and generation": "import glassbox.training, glassbox.generation",
        "transformers, GPT-2": "from transformers import GPT2LMHeadModel",
    }

    def start(statement: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", statement], check=True)

    def clock() -> float:
        times = os.times()
        return times.children_user + times.children_system

    contestants = {name: start(statement) for name, statement in statements.items()}
    return comparison("Importing, in CPU time", interleave(contestants, rounds, clock=clock))


def to_a_loss() -> Table:
    """Return how long two recipes take to the held-out loss that the plain one ends with."""
    plain, plain_seconds = _learn("character-plain")
    goal = plain.held_out_loss
    rows = [_row("plain, 2,000 steps", plain, plain_seconds, plain_seconds)]
    for steps in (360, 2_000):
        history, seconds = _learn("character", steps)
        rows.append(_row(f"modern, {steps:,} steps", history, seconds, plain_seconds))
    header = ("recipe", "seconds", "held-out loss", "time of the plain one")
    notes = [
        "The Python language reference in 65 characters; evaluations and the building of the model "
        f"are part of the time. The plain recipe ends at {goal:.3f}."
    ]
    return Table("Time to a held-out loss", header, rows, {1, 2, 3}, notes)


def _row(name: str, history: History, seconds: float, of: float) -> Row:
    """Return a line of the table of recipes."""
    return Row(0, (name, f"{seconds:.0f}", f"{history.held_out_loss:.3f}", f"{seconds / of:.2f}"))


def _learn(name: str, steps: int | None = None) -> tuple[History, float]:
    """Train by a recipe, and return its history and the seconds it took."""
    plan = recipe(name)
    settings = replace(plan.training, save_every=None, evaluate_every=None)
    settings = settings if steps is None else replace(settings, steps=steps)
    start = perf_counter()
    corpus = text_corpus(language_reference(), context_length=plan.model.context_length)
    torch.manual_seed(0)
    batches = Batches(corpus.train, plan.batch_size)
    held_out = Batches(corpus.held_out, 64, shuffle=False)
    settings = replace(settings, evaluate_batches=None)
    return train(GPT(plan.model), batches, settings, held_out=held_out), perf_counter() - start


def _per_token(title: str, timings: dict[str, Timing], n: int) -> Table:
    """Return a comparison with a column of tokens a second."""
    table = comparison(title, timings, scale=n)
    rows = [
        row._replace(cells=(*row.cells, f"{n / timing.median:,.0f}"))
        for row, timing in zip(table.rows, timings.values(), strict=True)
    ]
    header = (*table.header, "tokens/s")
    return table._replace(header=header, rows=rows, numbers={1, 2, 3, 4})
