"""Checks that readers run on their own code; a wrong answer is told its likely cause."""

from glassbox.exercises import many_heads, masks, queries_keys_values, scaling, self_attention
from glassbox.exercises.engine import Verdict, check, judge

__all__ = [
    "Verdict",
    "check",
    "judge",
    "many_heads",
    "masks",
    "queries_keys_values",
    "scaling",
    "self_attention",
]
