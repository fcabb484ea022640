"""Measurements of speed and memory: side by side in one run, as ratios, with their spread."""

from glassbox.bench.memory import attention_memory, growth
from glassbox.bench.tables import comparison, measure
from glassbox.bench.timing import Timing, interleave, machine
from glassbox.bench.work import decoding, small_gpt, training_step

__all__ = [
    "Timing",
    "interleave",
    "machine",
    "small_gpt",
    "training_step",
    "decoding",
    "attention_memory",
    "growth",
    "comparison",
    "measure",
]
