"""How much of what a machine can do a run makes use of."""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch

from glassbox import checks

PEAKS = {
    "H200": 989e12,
    "H100 SXM": 989e12,
    "A100": 312e12,
    "L4": 121e12,
    "T4": 65e12,
}
"""Peak operations per second of GPUs in half precision (bfloat16; float16 on the T4), matrices
dense, from the data sheets of their maker: https://www.nvidia.com/en-us/data-center/h200/,
https://resources.nvidia.com/en-us-gpu-resources/h100-datasheet-24306,
https://www.nvidia.com/en-us/data-center/a100/, https://www.nvidia.com/en-us/data-center/l4/,
https://www.nvidia.com/en-us/data-center/tesla-t4/.
Where a sheet gives the figure "with sparsity", it is halved."""
REPEATS = 3
"""The fewest products that a median is taken of."""


def utilization(flops: int | float, seconds: int | float, peak_flops: int | float) -> float:
    """Return the share of a machine's peak that a run reaches, its model FLOPs utilization (MFU).

    Args:
        flops: operations of the run, such as `training_flops` of a step.
        seconds: how long it took.
        peak_flops: operations that the machine can do in a second, such as `PEAKS["T4"]` or what
            `matmul_rate` measures.

    Returns:
        A share; 1 where every unit of the machine was busy with the model all the time.

    Raises:
        TypeError: if one is no number.
        ValueError: if one is not positive.

    Source:
        Chowdhery et al. (2022), "PaLM", section 4.1 and appendix B,
        https://doi.org/10.48550/arXiv.2204.02311

    Example:
        >>> utilization(13e12, seconds=0.5, peak_flops=PEAKS["T4"])
        0.4
    """
    checks.above_zero("flops", flops, example=1e12)
    checks.above_zero("seconds", seconds, example=0.5)
    checks.above_zero("peak_flops", peak_flops, example=PEAKS["T4"])
    return flops / seconds / peak_flops


def matmul_rate(
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    *,
    seconds: int | float = 0.5,
    size: int | None = None,
) -> float:
    """Measure the operations per second of a large matrix product: the peak in practice.

    The same product is repeated after one that does not count, and the median taken.

    Args:
        dtype: floating-point type of the matrices.
        device: where to multiply.
        seconds: how long to go on repeating.
        size: rows and columns of the matrices; 1,024 on a CPU and 8,192 elsewhere if not given.

    Returns:
        Operations per second, twice the third power of `size` for each product.

    Raises:
        TypeError: if `dtype` is no floating-point type, or a size no whole number.
        ValueError: if `seconds` is not positive, or `size` below 1.

    Example:
        >>> matmul_rate(seconds=0.01, size=64) > 0
        True
    """
    checks.above_zero("seconds", seconds, example=0.5)
    device = torch.device(device)
    if size is None:
        size = 1_024 if device.type == "cpu" else 8_192
    checks.positive(size=size)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(
            f"dtype is {dtype!r}; expected a floating-point type of PyTorch, such as torch.float32."
        )
    numbers = torch.Generator(device).manual_seed(0)  # zeros would take less power, and less time
    left, right = (
        torch.randn(size, size, generator=numbers, device=device).to(dtype) for _ in range(2)
    )
    times = _times(lambda: left @ right, device, seconds)
    return 2 * size**3 / median(times)


def _times(run: Callable[[], object], device: torch.device, seconds: int | float) -> list[float]:
    """Return how long each of several runs took, after one that does not count."""
    _time(run, device)
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < seconds:
        times.append(_time(run, device))
    return times


def _time(run: Callable[[], object], device: torch.device) -> float:
    """Return how long one run took, its device having finished."""
    start = perf_counter()
    run()
    if device.type != "cpu":  # other devices work on while Python goes ahead
        getattr(torch, device.type).synchronize()
    return perf_counter() - start
