"""The measurements of `python -m glassbox bench`, as tables."""

from collections.abc import Callable, Iterator, Mapping

import torch

from glassbox.bench.memory import PATHS, attention_memory, growth
from glassbox.bench.timing import Timing, interleave, machine
from glassbox.bench.work import BATCH, SHAPE, decoding, small_gpt, training_step
from glassbox.costs import training_flops
from glassbox.inspection.tables import Row, Table
from glassbox.training import choose_precision

LENGTHS = (512, 1024, 2048, 4096)


def measure(rounds: int = 7) -> Iterator[Table]:
    """Measure this machine with the package alone: steps, tokens, memory.

    Args:
        rounds: how often each thing is timed.

    Yields:
        A table for each, as soon as it is measured.

    Raises:
        ValueError: if `rounds` is below 1.

    Example:
        >>> next(measure(rounds=1)).header
        ('', 'ms', 'spread', 'speed')
    """
    yield training_table(
        {
            "single precision": training_step(small_gpt()),
            "precision 'auto'": training_step(small_gpt(), precision="auto"),
        },
        rounds,
    )
    model = small_gpt(context_length=512)
    write = {
        "with a cache": decoding(model, 256),
        "without": decoding(model, 256, use_cache=False),
    }
    yield comparison("Writing 256 tokens, one text", interleave(write, max(1, rounds // 2)))
    yield memory_table()


def training_table(steps: Mapping[str, Callable[[], object]], rounds: int) -> Table:
    """Return how long training steps take, and what share of the machine the first one uses."""
    side = 1024
    matrix = torch.randn(side, side)
    timings = interleave({**steps, "product": lambda: matrix @ matrix}, rounds)
    rate = 2 * side**3 / timings.pop("product").median
    first = next(iter(timings.values())).median
    work = training_flops(small_gpt().config, BATCH, SHAPE["context_length"])
    notes = [
        f"The first does {work / first / rate:.0%} of the operations a second that a product of "
        f"two {side} × {side} matrices does here ({rate / 1e9:.0f} GFLOP/s).",
        choose_precision("auto", matrix.device).sentence,
        machine(),
    ]
    title = "A training step: 4 blocks of width 128, 12 texts of 64 tokens"
    return comparison(title, timings)._replace(notes=notes)


def comparison(title: str, timings: Mapping[str, Timing], scale: int = 1) -> Table:
    """Return medians, spreads and speeds as a table.

    The speed says how many times as fast as the first one each is.

    Args:
        title: what was timed.
        timings: durations by name.
        scale: how many units of work each did, so that the table tells the time of one.

    Example:
        >>> print(comparison("Sums", {"one": Timing((0.5,)), "two": Timing((0.25,))}).text())
        Sums
        <BLANKLINE>
                 ms  spread  speed
        one  500.00      0%   1.00
        two  250.00      0%   2.00
    """
    first = next(iter(timings.values())).median
    rows = [
        Row(
            0,
            (
                name,
                f"{1e3 * timing.median / scale:.2f}",
                f"{timing.spread:.0%}",
                f"{first / timing.median:.2f}",
            ),
        )
        for name, timing in timings.items()
    ]
    return Table(title, ("", "ms", "spread", "speed"), rows, {1, 2, 3})


def memory_table() -> Table:
    """Return the memory of attention at several lengths, both ways."""
    sizes = {path: {seq: attention_memory(seq, path) for seq in LENGTHS} for path in PATHS}
    rows = [
        Row(0, (f"{seq:,}", *(f"{sizes[path][seq] / 1e6:,.0f}" for path in PATHS)))
        for seq in LENGTHS
    ]
    last = LENGTHS[-2:]
    grows = {path: growth({seq: sizes[path][seq] for seq in last}) for path in PATHS}
    notes = [
        f"From {last[0]:,} to {last[1]:,} tokens the memory grows as length to the power "
        f"{grows['explicit']:.1f} and {grows['fused']:.1f}."
    ]
    return Table(
        "Memory of attention in megabytes: 4 heads of width 32",
        ("tokens", *PATHS),
        rows,
        {0, 1, 2},
        notes,
    )
