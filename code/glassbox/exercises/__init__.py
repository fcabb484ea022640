"""Checks that readers run on their own code; a wrong answer is told its likely cause."""

from glassbox.exercises import queries_keys_values, self_attention
from glassbox.exercises.engine import Verdict, check, judge

__all__ = ["Verdict", "check", "judge", "queries_keys_values", "self_attention"]
