"""Famous mistakes, each a few lines on top of the correct model.

A mistake is planted into a model that is right, so that everything else stays the same::

    model = mistakes.plant(GPT(config), "mask_off_by_one")
    print(mistakes.source("mask_off_by_one"))
    mistakes.mend(model)

`InSteps` is the formula of attention in the steps that some of them override. A `trial` trains a
small model with a mistake in it and compares three losses that should agree; `measured` returns
the trials that came with the package.
"""

from glassbox.mistakes.catalog import MISTAKES
from glassbox.mistakes.in_steps import InSteps
from glassbox.mistakes.measures import loss_in_use, prefix_loss, reported_loss
from glassbox.mistakes.mistake import Mistake
from glassbox.mistakes.planting import mend, plant, planted, planted_in, source
from glassbox.mistakes.stored import measured, settings
from glassbox.mistakes.trial import Trial, trial

__all__ = [
    "MISTAKES",
    "Mistake",
    "plant",
    "mend",
    "planted",
    "planted_in",
    "source",
    "InSteps",
    "trial",
    "Trial",
    "measured",
    "settings",
    "reported_loss",
    "prefix_loss",
    "loss_in_use",
]
