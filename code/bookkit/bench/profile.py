"""Where the time of a step, and of a token, goes."""

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

from glassbox.bench.work import decoding, small_gpt, training_step
from glassbox.inspection.tables import Row, Table

KINDS = {
    "matrix products": ("mm", "addmm", "bmm"),
    "attention": ("scaled_dot_product",),
    "activation and norms": ("gelu", "layer_norm"),
    "copies and conversions": ("copy_", "_to_copy", "cat", "clone"),
    "optimizer and clipping": ("adamw", "foreach", "linalg_vector_norm", "Optimizer"),
}


def by_kind() -> Table:
    """Return what share of the time each kind of operation takes, and what no operation takes."""
    runs = {
        "step": training_step(small_gpt()),
        "step, bfloat16": training_step(small_gpt(), precision="bfloat16"),
        "64 tokens": decoding(small_gpt(context_length=1024).eval(), 64),
    }
    found = {name: _shares(run) for name, run in runs.items()}
    rows = [
        Row(0, (kind, *(f"{shares[kind]:.0%}" for shares in found.values())))
        for kind in next(iter(found.values()))
    ]
    title = "Where the time goes: shares of a step, and of writing, at the small shape"
    return Table(title, ("", *runs), rows, {1, 2, 3})


def _shares(run: Callable[[], object], repeats: int = 5) -> dict[str, float]:
    """Return the share of each kind of operation in the time of a function."""
    for _ in range(3):
        run()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(repeats):
            with torch.profiler.record_function("everything"):
                run()
    events = seen.key_averages()
    total = next(e.cpu_time_total for e in events if e.key == "everything")
    shares = dict.fromkeys([*KINDS, "other operations"], 0.0)
    for event in events:
        if event.key == "everything":
            continue
        name = event.key.removeprefix("aten::")
        kind = next((k for k, parts in KINDS.items() if _is(name, parts)), "other operations")
        shares[kind] += event.self_cpu_time_total / total
    shares["Python between them"] = max(0.0, 1 - sum(shares.values()))
    return shares


def _is(name: str, parts: tuple[str, ...]) -> bool:
    """Return whether an operation belongs to a kind."""
    return any(name == part or (len(part) > 4 and part in name) for part in parts)
