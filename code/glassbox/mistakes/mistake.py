"""What is known about a mistake."""

from dataclasses import dataclass, field
from typing import Literal

from glassbox.mistakes.places import Place

Group = Literal["mask", "attention", "heads", "positions", "generation", "training", "parts"]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A way to write a transformer that runs, trains, and is wrong.

    Args:
        name: what `plant` calls it.
        group: the part of the model that it concerns.
        says: what the code does wrong.
        shows: what one sees of it, or does not see.
        seen_in: where it happened in public, with an address; empty where no case is known.
        caught_by: names of the invariants that fail, the most telling one first.
        patches: for each kind of module, the class that overrides a method of it.

    Example:
        >>> from glassbox.mistakes import MISTAKES
        >>> MISTAKES["unscaled"].caught_by
        ('attention_formula',)
    """

    name: str
    group: Group
    says: str
    shows: str
    caught_by: tuple[str, ...]
    patches: tuple[tuple[Place, type], ...] = field(repr=False)
    seen_in: str = ""
