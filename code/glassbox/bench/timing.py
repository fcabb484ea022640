"""Time several things fairly: in turns, so that a slow moment of the machine hits all of them."""

import os
import platform
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch

from glassbox import checks


class Timing(NamedTuple):
    """How long something took, in several rounds.

    Args:
        seconds: one duration for each round.

    Example:
        >>> Timing((2.0, 1.0, 4.0)).median
        2.0
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle duration, in seconds."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The middle half of the durations, as a share of the median."""
        ordered = sorted(self.seconds)
        quarter = len(ordered) // 4
        return (ordered[-1 - quarter] - ordered[quarter]) / self.median


def interleave(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int = 7,
    *,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, Timing]:
    """Run each function once a round, one after the other, after one round that does not count.

    Args:
        contestants: functions by name.
        rounds: how often each is timed.
        clock: returns seconds.

    Returns:
        The durations by name.

    Raises:
        ValueError: if there is nothing to time.

    Example:
        >>> timings = interleave({"sum": lambda: sum(range(100))}, rounds=3)
        >>> len(timings["sum"].seconds)
        3
    """
    checks.positive(rounds=rounds)
    if not contestants:
        raise ValueError("contestants holds 0 functions; expected at least one. Give some to time.")
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, contestant in contestants.items():
            start = clock()
            contestant()
            if turn > 0:
                seconds[name].append(clock() - start)
    return {name: Timing(tuple(durations)) for name, durations in seconds.items()}


def machine() -> str:
    """Return on what the numbers were measured, in a sentence.

    Example:
        >>> "PyTorch" in machine()
        True
    """
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as facts:
            name = next(line.partition(":")[2].strip() for line in facts if "model name" in line)
    except (OSError, StopIteration):
        pass  # not Linux, or a processor that does not say
    return (
        f"{name}, {os.cpu_count()} cores seen, {torch.get_num_threads()} used; PyTorch "
        f"{torch.__version__}, Python {platform.python_version()}, {platform.system()}."
    )
