"""What a training run leaves to look at: a record of every step."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from glassbox.figures import lines

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.figure import Figure

_POINTS = 100
"""A line of more points is drawn as the means of that many stretches."""


class StepRecord(NamedTuple):
    """One step of training.

    Args:
        step: number of updates before it.
        loss: mean loss of its batch in nats, before its update.
        gradient_norm: length of the gradient before clipping.
        rate_share: its learning rate as a share of the peak.
        targets: number of targets that counted, from the start up to here.

    Example:
        >>> StepRecord(0, 4.17, 1.3, 0.01, 256).loss
        4.17
    """

    step: int
    loss: float
    gradient_norm: float
    rate_share: float
    targets: int


class Evaluation(NamedTuple):
    """One evaluation on held-out data.

    Args:
        step: number of updates before it.
        loss: mean loss in nats.

    Example:
        >>> Evaluation(100, 2.5).step
        100
    """

    step: int
    loss: float


@dataclass(repr=False)
class History:
    """The record of a run. Two are equal where every number is; time is left out of that.

    With label smoothing, the training losses are smoothed too; held-out losses never are.

    Args:
        precision: what the run computed in, and why.
        records: one for each step.
        evaluations: one for each time that held-out data were read.
        seconds: how long each step took.

    Example:
        >>> history = History("No autocast.", [StepRecord(0, 4.2, 1.0, 1.0, 8)])
        >>> history.losses, history.held_out_loss
        ([4.2], None)
        >>> history
        <History: 1 step, loss 4.20>
    """

    precision: str
    records: list[StepRecord] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list, compare=False)

    def __repr__(self) -> str:
        """Say in one line how the run went: a notebook prints what a cell ends with."""
        said = [f"{len(self.records):,} step{'s' * (len(self.records) != 1)}"]
        if self.records:
            first, last = self.losses[0], self.losses[-1]
            fall = f"{first:.2f} to {last:.2f}" if len(self.records) > 1 else f"{last:.2f}"
            said.append(f"loss {fall}")
        if self.evaluations:
            said.append(f"held out {self.held_out_loss:.2f}")
        return f"<History: {', '.join(said)}>"

    @property
    def losses(self) -> list[float]:
        """The training loss of each step, in nats."""
        return [record.loss for record in self.records]

    @property
    def held_out_loss(self) -> float | None:
        """The held-out loss of the last evaluation; None if there was none."""
        return self.evaluations[-1].loss if self.evaluations else None

    def add(
        self, step: int, loss: float, gradient_norm: float, rate_share: float, targets: int
    ) -> None:
        """Append the record of a step.

        Args:
            step: number of updates before it.
            loss: mean loss of its batch in nats.
            gradient_norm: length of the gradient before clipping.
            rate_share: its learning rate as a share of the peak.
            targets: number of its targets that counted.
        """
        before = self.records[-1].targets if self.records else 0
        record = StepRecord(step, loss, gradient_norm, rate_share, before + targets)
        self.records.append(record)

    def to_dict(self) -> dict[str, Any]:
        """Return the history in a form that JSON can hold."""
        return {
            "precision": self.precision,
            "records": [list(record) for record in self.records],
            "evaluations": [list(evaluation) for evaluation in self.evaluations],
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "History":
        """Return the history that `to_dict` wrote.

        Args:
            stored: what `to_dict` returned.
        """
        return cls(
            stored["precision"],
            [StepRecord(*record) for record in stored["records"]],
            [Evaluation(*evaluation) for evaluation in stored["evaluations"]],
            list(stored["seconds"]),
        )

    def plot(self, title: str | None = None) -> "Figure":
        """Draw the training loss and, where there is one, the held-out loss.

        A long run's training loss is drawn as means over stretches, which are named.

        Args:
            title: the finding, in a sentence; first and last loss if not given.

        Raises:
            ValueError: if there is no record yet.
        """
        if not self.records:
            raise ValueError(
                "the history holds 0 steps; expected at least one. Train first: history = "
                "train(model, batches, config)."
            )
        losses, width = self.losses, -(-len(self.records) // _POINTS)
        stretches = [losses[at : at + width] for at in range(0, len(losses), width)]
        means = [sum(stretch) / len(stretch) for stretch in stretches]
        steps = [at * width + (len(s) - 1) / 2 for at, s in enumerate(stretches)]
        name = "training" if width == 1 else f"training (mean of {width})"
        series = {name: (steps, means)}
        if self.evaluations:
            series["held out"] = tuple(map(list, zip(*self.evaluations, strict=True)))
        if title is None:
            title = f"Loss from {losses[0]:.2f} to {losses[-1]:.2f} in {len(losses)} steps"
        return lines(series, title, "step", "loss (nats)")
