"""Where a token stands: eight answers, each a module that acts at one seat of the model.

A scheme at the embeddings adds a vector to each token (`forward`). A scheme inside attention turns
queries and keys (`turn`) or adds a number to each score (`bias`). A model calls all three, and a
scheme changes only what it is meant to.
"""

from glassbox.positions.added import Learned, Sinusoidal, angles, sinusoids
from glassbox.positions.base import NoPositions, Positions, offsets
from glassbox.positions.biases import ALiBi, T5Bias, alibi_slopes, relative_bucket
from glassbox.positions.registry import POSITIONS, Sizes, build_positions
from glassbox.positions.relative import DeBERTa, TransformerXL
from glassbox.positions.rotary import Rotary

__all__ = [
    "Positions",
    "NoPositions",
    "Sinusoidal",
    "Learned",
    "Rotary",
    "ALiBi",
    "T5Bias",
    "TransformerXL",
    "DeBERTa",
    "POSITIONS",
    "build_positions",
    "Sizes",
    "angles",
    "sinusoids",
    "offsets",
    "alibi_slopes",
    "relative_bucket",
]
