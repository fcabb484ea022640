"""What a training run is asked to do: every number in one place, checked as it is written down."""

from dataclasses import dataclass
from math import inf
from numbers import Integral
from reprlib import repr as short

from glassbox import checks

OPTIMIZERS = ("adamw", "muon")
"""The optimizers that a run can ask for by name."""
PRECISIONS = ("float32", "bfloat16", "auto")
"""The number types that a run can ask for by name."""
DECAYS = ("cosine", "linear", "constant")
"""The ways in which the learning rate falls after its warm-up."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The settings of a training run; with the model and the data they decide every number in it.

    Args:
        steps: number of updates of the parameters.
        learning_rate: the peak learning rate of AdamW.
        optimizer: `"adamw"` for all parameters, or `"muon"` for the matrices inside the blocks and
            AdamW for the rest.
        matrix_rate: the peak learning rate of Muon.
        weight_decay: how fast parameters with two or more axes shrink: by this share of the
            learning rate at each step.
        betas: how much of AdamW's running means of the gradient and of its square each step keeps.
        warmup: number of steps over which the rate rises to its peak.
        decay: `"cosine"`, `"linear"` or `"constant"`: how the rate falls from there.
        final_share: the rate after the last step as a share of the peak.
        clip: the largest norm of the gradient; a longer one is shortened. `None` for no limit.
        accumulate: into how many parts a batch is cut, so that only one has to fit into memory.
        label_smoothing: share of the target that is spread evenly over all classes.
        precision: `"float32"` (as the parameters are stored), `"bfloat16"` (autocast), or `"auto"`
            (bfloat16 where the hardware multiplies it).
        evaluate_every: number of steps from one evaluation to the next; `None` for one at the end.
        evaluate_batches: number of batches that an evaluation reads; `None` for all.
        save_every: number of steps from one checkpoint to the next; `None` for one at the end.
        keep: number of checkpoints that stay; older ones are removed.
        seed: decides what dropout sets to 0.

    Raises:
        TypeError: if a count is no whole number, or another setting no number.
        ValueError: if a number is out of range, a name is unknown, or the warm-up has no end.

    Source:
        Brown et al. (2020), "Language Models are Few-Shot Learners", appendix B (betas, clipping,
        cosine to a tenth, weight decay), https://doi.org/10.48550/arXiv.2005.14165

    Example:
        >>> TrainingConfig(steps=100, warmup=10).learning_rate
        0.001
    """

    steps: int
    learning_rate: float = 1e-3
    optimizer: str = "adamw"
    matrix_rate: float = 0.02
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    warmup: int = 0
    decay: str = "cosine"
    final_share: float = 0.1
    clip: float | None = 1.0
    accumulate: int = 1
    label_smoothing: float = 0.0
    precision: str = "float32"
    evaluate_every: int | None = None
    evaluate_batches: int | None = None
    save_every: int | None = None
    keep: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        checks.positive(steps=self.steps, accumulate=self.accumulate, keep=self.keep)
        optional = ("evaluate_every", "evaluate_batches", "save_every")
        given = {name: getattr(self, name) for name in optional}
        checks.positive(**{name: number for name, number in given.items() if number is not None})
        not_negative(warmup=self.warmup, seed=self.seed)
        checks.above_zero("learning_rate", self.learning_rate, example=1e-3)
        checks.above_zero("matrix_rate", self.matrix_rate, example=0.02)
        checks.share(final_share=self.final_share, label_smoothing=self.label_smoothing)
        known = isinstance(self.weight_decay, int | float)
        if not known or not 0 <= self.weight_decay < inf:
            raise (ValueError if known else TypeError)(
                f"weight_decay is {short(self.weight_decay)}; expected a number of at least 0, "
                "such as 0.1."
            )
        if self.clip is not None:
            checks.above_zero("clip", self.clip, example=1.0)
        checks.one_of("optimizer", self.optimizer, OPTIMIZERS)
        checks.one_of("decay", self.decay, DECAYS)
        checks.one_of("precision", self.precision, PRECISIONS)
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise TypeError(
                f"betas is {short(self.betas)}; expected two shares, such as (0.9, 0.95): how much "
                "each step keeps of the mean gradient, and of its mean square."
            )
        checks.share(**{f"betas[{i}]": beta for i, beta in enumerate(self.betas)})
        if self.warmup >= self.steps:
            raise ValueError(
                f"warmup is {self.warmup} and steps is {self.steps}, so the learning rate would "
                "never reach its peak; expected a warmup below steps. Usual is a tenth of them or "
                "less."
            )


def not_negative(**numbers: int) -> None:
    """Refuse what is no whole number of at least 0."""
    for name, number in numbers.items():
        known = isinstance(number, Integral) and not isinstance(number, bool)
        if not known or number < 0:
            raise (ValueError if known else TypeError)(
                f"{name} is {short(number)}; expected a whole number of at least 0."
            )
