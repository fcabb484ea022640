"""Training: one loop that can be read, a record of each step, and checkpoints to go on from.

`train` runs the loop. What a step does depends on the model, the settings, the data and the number
of the step, and on nothing hidden, so a run that is stopped and started again ends as the one that
was never stopped: bit for bit on the same machine with as many threads, because these decide the
order in which PyTorch adds.
"""

from glassbox.training.batches import Batches
from glassbox.training.checkpoints import CheckpointError, checkpoints, latest, save
from glassbox.training.evaluation import estimate_losses, evaluate
from glassbox.training.history import Evaluation, History, StepRecord
from glassbox.training.loading import load, load_model, read_state
from glassbox.training.loop import Diverged, train
from glassbox.training.optimizers import build_optimizers
from glassbox.training.precision import Precision, choose_precision
from glassbox.training.schedule import learning_rate_share
from glassbox.training.settings import DECAYS, OPTIMIZERS, PRECISIONS, TrainingConfig

__all__ = [
    "Batches",
    "TrainingConfig",
    "OPTIMIZERS",
    "DECAYS",
    "PRECISIONS",
    "learning_rate_share",
    "build_optimizers",
    "Precision",
    "choose_precision",
    "StepRecord",
    "Evaluation",
    "History",
    "evaluate",
    "estimate_losses",
    "train",
    "Diverged",
    "save",
    "checkpoints",
    "latest",
    "read_state",
    "load",
    "load_model",
    "CheckpointError",
]
