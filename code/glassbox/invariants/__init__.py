"""Invariants: what must hold for every transformer, whoever wrote it, and probes that check it.

Each probe takes a model, tries it out and returns a `Verdict`: whether the invariant holds, the
number that decided, and where to look first if it does not. `check` runs them all. A loss that goes
down is none of them: nearly every mistake lets it.
"""

from glassbox.invariants.attending import attention_formula, keys_differ, weight_rows
from glassbox.invariants.checking import INVARIANTS, check
from glassbox.invariants.learning import first_loss, next_token_loss, overfits
from glassbox.invariants.masking import (
    future_by_gradient,
    future_by_value,
    influence,
    mask_holds,
)
from glassbox.invariants.modes import modes
from glassbox.invariants.parts import norms, residual
from glassbox.invariants.placing import batch_rows, order, permutation
from glassbox.invariants.subject import Subject
from glassbox.invariants.using import cache, padding
from glassbox.invariants.verdict import Report, Verdict

__all__ = [
    "INVARIANTS",
    "check",
    "Subject",
    "Verdict",
    "Report",
    "future_by_value",
    "future_by_gradient",
    "mask_holds",
    "weight_rows",
    "attention_formula",
    "keys_differ",
    "permutation",
    "order",
    "batch_rows",
    "padding",
    "cache",
    "modes",
    "norms",
    "residual",
    "first_loss",
    "next_token_loss",
    "overfits",
    "influence",
]
