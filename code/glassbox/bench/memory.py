"""How the memory of attention grows with the length of a text, each measured in a fresh process."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from math import log
from pathlib import Path

from glassbox import checks

PATHS = ("explicit", "fused")


def attention_memory(seq: int, path: str) -> int:
    """Return how much memory one pass of causal attention takes, beyond its inputs.

    Four heads of width 32, one text, single precision, no gradients.

    Args:
        seq: number of tokens.
        path: `"explicit"`, the formula with all its weights, or `"fused"`, PyTorch's kernel.

    Returns:
        The highest resident memory of a fresh process, less what it held before, in bytes.

    Raises:
        ValueError: if there is no such path.
        RuntimeError: if the process fails, or the system does not tell its memory.

    Example:
        >>> attention_memory(64, "flash")
        Traceback (most recent call last):
        ...
        ValueError: path is 'flash'; expected one of 'explicit', 'fused'. Did you mean 'fused'?
    """
    checks.positive(seq=seq)
    checks.one_of("path", path, PATHS)
    call = f"from glassbox.bench import memory; memory.report({seq}, {path!r})"
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"the memory of {path} attention at {seq} tokens could not be measured: "
            f"{(done.stderr.strip().splitlines() or ['the process was stopped'])[-1]}. Expected a "
            "system with /proc or getrusage, and enough memory; take fewer tokens."
        )
    return int(done.stdout)


def growth(sizes: Mapping[int, int | float]) -> float:
    """Return the exponent p for which size grows as length to the power p, between the ends.

    Args:
        sizes: the size at each length.

    Example:
        >>> growth({10: 3.0, 100: 300.0})
        2.0
    """
    first, last = min(sizes), max(sizes)
    return round(log(sizes[last] / sizes[first]) / log(last / first), 12)


def report(seq: int, path: str) -> None:
    """Print the bytes that one pass takes; runs in a process of its own."""
    import torch

    from glassbox.attention import attention, fused_attention

    attend = fused_attention if path == "fused" else attention
    with torch.no_grad():
        attend(*torch.randn(3, 1, 4, 8, 32), causal=True)  # whatever is loaded at first use
        query, key, value = torch.randn(3, 1, 4, seq, 32)
        before = _forget_the_peak()
        attend(query, key, value, causal=True)
    print(_peak() - before)


def _forget_the_peak() -> int:
    """Start the peak of resident memory anew, where the system can, and return where it stands."""
    with suppress(OSError):  # a file of Linux; importing torch has peaked already
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """Return the highest resident memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
