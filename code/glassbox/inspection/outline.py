"""Tell a long list of steps like a table of contents: what comes again is said once."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from glassbox.inspection.steps import Step

SHORTEST_LOOP = 3
"""Repetitions of fewer steps, such as a sigmoid after a sigmoid, are listed in full."""


class Line(NamedTuple):
    """One line of an outline.

    Attributes:
        depth: how deep the module lies in the model.
        label: the module's own name, without the names of those around it.
        step: what is computed; `None` where the line only announces the module, or says `note`.
        note: what stands for the steps that are not listed again.
    """

    depth: int
    label: str
    step: Step | None = None
    note: str = ""


class _Item(NamedTuple):
    """A step of a module itself (no `name`), or successive steps of one of its submodules."""

    name: str
    steps: list[tuple[list[str], Step]]

    @property
    def numbered(self) -> bool:
        """Whether this is one of several in a list, such as `heads.3`."""
        return self.name.rpartition(".")[2].isdigit()

    def likeness(self) -> tuple:
        """Return what two items have in common if one can stand for the other."""
        name = re.sub(r"\d+$", "", self.name)
        return name, *((*path, s.operation, s.shape, s.inputs, s.count) for path, s in self.steps)


def outline(steps: Sequence[Step], model: str) -> list[Line]:
    """Return the lines that tell all steps, in their order.

    Of equal neighbors in a list of modules only the first is told, and of a loop the first round.

    Args:
        steps: what was computed, with the full path of each module.
        model: what to call the model itself.
    """
    return _tell([(_components(step.where), step) for step in steps], model, depth=0, inside=0)


def _components(path: str) -> list[str]:
    """Split a path where a module lies in another: `a.heads.0.w_q` into a, heads.0 and w_q."""
    return re.findall(r"[^.]+(?:\.\d+)*", path)


def _tell(steps: list[tuple[list[str], Step]], label: str, depth: int, inside: int) -> list[Line]:
    """Return the lines of one module: its own steps at `depth`, those of submodules `inside`."""
    items, lines, start = _items(steps), [], 0
    likenesses = [item.likeness() for item in items]
    while start < len(items):
        period, rounds = _repetition(items, likenesses, start)
        first, end = items[start : start + period], start + period * rounds
        for item in first:
            lines += _tell_item(item, label, depth, inside)
        if rounds > 1 and period == 1:
            again = [item.name for item in (items[start + 1], items[end - 1])]
            lines.append(Line(inside, " … ".join(dict.fromkeys(again)), note="the same"))
        elif rounds > 1:
            n_steps = sum(len(item.steps) for item in first)
            times = "once more" if rounds == 2 else f"{rounds - 1} more times"
            lines.append(Line(depth, label, note=f"the {n_steps} steps above, {times}"))
        start = end
    return lines


def _tell_item(item: _Item, label: str, depth: int, inside: int) -> list[Line]:
    """Return the lines of one item; a submodule that starts with a submodule is announced."""
    if not item.name:
        return [Line(depth, label, item.steps[0][1])]
    lines = _tell(item.steps, item.name, inside, inside + 1)
    return lines if lines[0].depth == inside else [Line(inside, item.name), *lines]


def _items(steps: list[tuple[list[str], Step]]) -> list[_Item]:
    """Group successive steps of the same submodule; steps of the module itself stay single."""
    items = []
    for name, group in groupby(steps, key=lambda pair: pair[0][0] if pair[0] else ""):
        inner = [(path[1:], step) for path, step in group]
        items += [_Item(name, inner)] if name else [_Item(name, [pair]) for pair in inner]
    return items


def _repetition(items: list[_Item], likenesses: list[tuple], start: int) -> tuple[int, int]:
    """Return how many items from `start` on come again, and how many rounds there are."""
    left = len(items) - start
    for period in range(1, left // 2 + 1):
        pattern, rounds = likenesses[start : start + period], 1
        while likenesses[start + rounds * period :][:period] == pattern:
            rounds += 1
        n_steps = sum(len(item.steps) for item in items[start : start + period])
        a_list = period == 1 and items[start].numbered
        if rounds > 1 and (a_list or (period > 1 and n_steps >= SHORTEST_LOOP)):
            return period, rounds
    return 1, 1
