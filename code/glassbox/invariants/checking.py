"""All probes, one after the other, on any model."""

from collections.abc import Callable, Collection
from typing import Any

from torch import Tensor, nn

from glassbox import checks
from glassbox.invariants.attending import attention_formula, keys_differ, weight_rows
from glassbox.invariants.learning import first_loss, next_token_loss, overfits
from glassbox.invariants.masking import future_by_gradient, future_by_value, mask_holds
from glassbox.invariants.modes import modes
from glassbox.invariants.parts import norms, residual
from glassbox.invariants.placing import batch_rows, order, permutation
from glassbox.invariants.subject import Subject
from glassbox.invariants.using import cache, padding
from glassbox.invariants.verdict import Report, Verdict

INVARIANTS: dict[str, Callable[[Subject], Verdict]] = {
    probe.__name__: probe
    for probe in (
        *(future_by_value, future_by_gradient, mask_holds),
        *(weight_rows, attention_formula, keys_differ),
        *(permutation, order, batch_rows),
        *(padding, cache, modes),
        *(norms, residual),
        *(first_loss, next_token_loss, overfits),
    )
}
"""The probes by name, in the order in which they are run."""


def check(
    model: nn.Module,
    *,
    causal: bool | None = None,
    trained: bool = False,
    loss: Callable[..., Tensor] | None = None,
    evaluate: Callable[..., Any] | None = None,
    cached: Callable[..., Tensor] | None = None,
    padded: Callable[..., Tensor] | None = None,
    skip: Collection[str] = (),
    seq: int | None = None,
    seed: int = 0,
) -> Report:
    """Run every probe on a copy of a model, whoever wrote it.

    What cannot be found out from outside can be told: how the model is trained, evaluated, cached
    and padded. What is not told and not found out is reported as not checked.

    Args:
        model: called with token ids `(B, T)`; returns logits, or an object that holds them.
        causal: whether tokens see only what comes before them; found out if not given.
        trained: whether its parameters are no longer those it started with.
        loss: `loss(model, tokens)` returns the training loss on texts `(B, T)`.
        evaluate: `evaluate(model, batches)` evaluates; batches are pairs of inputs and targets.
        cached: `cached(model, tokens, prompt)` returns logits, computed one by one with a cache
            after the first `prompt` tokens.
        padded: `padded(model, tokens, real)` returns the logits of texts padded on the left.
        skip: names of invariants that are left out; `overfits` trains a copy, which takes long
            for a large model.
        seq: tokens in a text, for a model that takes no others; up to ten if not given.
        seed: decides the random texts.

    Returns:
        A verdict for each of `INVARIANTS`; print it to see the table.

    Raises:
        TypeError: if `model` is no module, or returns no logits.
        ValueError: if it cannot be copied, it fails on token ids, or there is no invariant of a
            name.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> check(GPT(preset("character"))).failed
        []
    """
    for name in skip:
        checks.one_of("skip", name, INVARIANTS)
    asked = Subject(
        model,
        causal=causal,
        trained=trained,
        loss=loss,
        evaluate=evaluate,
        cached=cached,
        padded=padded,
        seq=seq,
        seed=seed,
    )
    return Report(asked.kind, [_ask(name, asked, skip) for name in INVARIANTS])


def _ask(name: str, asked: Subject, skip: Collection[str]) -> Verdict:
    """Run one probe; a model that fails on the way is reported, and the others still run."""
    if name in skip:
        return Verdict(name, None, "left out")
    try:
        return INVARIANTS[name](asked)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as reason:
        said = str(reason).partition("\n")[0][:200]
        return Verdict(name, None, f"it raised {type(reason).__name__}", None, said)
