"""What a probe found, and what all probes found together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glassbox import checks
from glassbox.inspection.tables import Row, Table

WORDS = {True: "holds", False: "FAILS", None: "skipped"}


class Verdict(NamedTuple):
    """What one probe found.

    Attributes:
        name: the invariant, the name of its function in `glassbox.invariants`.
        passed: `True` or `False`; `None` where it could not be checked.
        found: what was measured, or why it could not be.
        number: the number that decided; `None` where there is none.
        culprit: where to look first, if it failed; what was said, if the model raised an error.

    Example:
        >>> print(Verdict("cache", None, "this model has no cache"))
        cache: skipped. This model has no cache.
    """

    name: str
    passed: bool | None
    found: str
    number: float | None = None
    culprit: str = ""

    def __str__(self) -> str:
        """Return the verdict as one or two sentences."""
        found = self.found[:1].upper() + self.found[1:]
        word = "Likely culprit" if self.passed is False else "It said"
        tail = f" {word}: {self.culprit}." if self.culprit else ""
        return f"{self.name}: {WORDS[self.passed]}. {found}.{tail}"


@dataclass(frozen=True, repr=False)
class Report:
    """What all probes found about one model; `print` it to see the table.

    Attributes:
        model: the class of the model.
        verdicts: one for each invariant.

    Example:
        >>> report = Report("GPT", [Verdict("cache", None, "this model has no cache")])
        >>> print(report)  # doctest: +ELLIPSIS
        GPT: 0 invariants hold, 0 fail, 1 skipped
        ...
    """

    model: str
    verdicts: Sequence[Verdict]

    @property
    def failed(self) -> list[str]:
        """The names of the invariants that do not hold."""
        return [verdict.name for verdict in self.verdicts if verdict.passed is False]

    def __getitem__(self, name: str) -> Verdict:
        """Return the verdict on one invariant."""
        found = {verdict.name: verdict for verdict in self.verdicts}
        checks.one_of("name", name, found)
        return found[name]

    def table(self) -> Table:
        """Return one row for each invariant, and a note for each that fails."""
        rows = [Row(0, (v.name, WORDS[v.passed], v.found)) for v in self.verdicts]
        words = {False: "look at ", None: ""}
        said: dict[str, list[str]] = {}
        for v in self.verdicts:
            if v.culprit:
                said.setdefault(words[v.passed] + v.culprit, []).append(v.name)
        notes = [f"{', '.join(names)}: {advice}." for advice, names in said.items()]
        counts = {
            word: sum(WORDS[v.passed] == word for v in self.verdicts) for word in WORDS.values()
        }
        title = (
            f"{self.model}: {counts['holds']} invariants hold, {counts['FAILS']} fail, "
            f"{counts['skipped']} skipped"
        )
        return Table(title, ("invariant", "", "found"), rows, set(), notes)

    def __repr__(self) -> str:
        """Return the table as text."""
        return self.table().text()

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return self.table().html()


def shown(number: float) -> str:
    """Return a difference for a sentence; what rounding explains looks the same on all machines.

    Args:
        number: a difference between logits, in their standard deviations.

    Example:
        >>> shown(3.1e-07), shown(0.5731)
        ('under 0.0001', '0.57')
    """
    return "under 0.0001" if number < 1e-4 else f"{number:.2g}"
