"""A bar that shows how far training is, where somebody watches."""

import sys
from collections.abc import Iterator

from glassbox import checks
from glassbox.training.history import History


def watched(steps: range, history: History, progress: bool | None) -> Iterator[int]:
    """Yield the steps, and show the last record of the history after each.

    Args:
        steps: those that are left to do.
        history: the caller's, who appends a record in each step.
        progress: whether there is a bar on standard error; if None, where that is a terminal.
    """
    if progress is not None:
        checks.flags(progress=progress)
    shown = sys.stderr.isatty() if progress is None else progress
    if not shown:
        yield from steps
        return
    from tqdm import tqdm

    with tqdm(total=steps.stop, initial=steps.start, unit="step") as bar:
        for step in steps:
            yield step
            record = history.records[-1]
            state = f"loss {record.loss:.3f}, rate {record.rate_share:.0%} of peak"
            bar.set_postfix_str(state, refresh=False)
            bar.update()
