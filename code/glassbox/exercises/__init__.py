"""Checks that readers run on their own code; a wrong answer is told its likely cause."""

from glassbox.exercises import (
    generating,
    generating_cache,
    many_heads,
    masks,
    mistakes,
    mistakes_probes,
    position,
    position_added,
    queries_keys_values,
    relative_position,
    scaling,
    self_attention,
    training_and_inference,
    training_scores,
)
from glassbox.exercises.engine import Verdict, check, judge

__all__ = [
    "Verdict",
    "check",
    "judge",
    "generating",
    "generating_cache",
    "many_heads",
    "masks",
    "mistakes",
    "mistakes_probes",
    "position",
    "position_added",
    "queries_keys_values",
    "relative_position",
    "scaling",
    "self_attention",
    "training_and_inference",
    "training_scores",
]
