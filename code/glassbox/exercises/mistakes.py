"""Checks of the exercises in the chapter on models that train and are wrong."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbox.exercises.engine import Wrong, draw, exercise

_CLOSE = 0.1
_NUMBERS = (
    (1.67, 1.87, 1.87, 1.87),
    (0.08, 0.08, 6.82, 6.87),
    (1.67, 1.87, 1.87, 2.85),
    (0.09, 0.09, 4.61, 9.19),
    (0.31, 0.33, 0.33, 0.33),
    (0.40, 2.40, 2.40, 2.40),  # it has learned its text by heart, which is no mistake
    (4.01, 3.96, 10.59, 10.59),
    (2.00, 2.00, 2.06, 2.14),
    (1.95, 1.96, 1.96, 1.70),
    (2.34, 2.49, 3.69, 3.69),
    (1.20, 1.21, 1.21, 1.42),
    (1.00, 1.50, 0.90, 0.90),
    (4.00, 4.00, 4.15, 4.15),
    (0.50, 0.50, 0.58, 0.58),
    (0.70, 0.75, 0.82, 0.90),
)


def plain(got: Any) -> Any:
    """Return a number that came as a tensor, and everything else as it is."""
    return got.item() if isinstance(got, Tensor) and got.numel() == 1 else got


def refuse(got: list, want: list, cases: list[str], causes: dict[str, list]) -> None:
    """Refuse answers that differ anywhere, and name the mistake that explains all of them."""
    wrong = [i for i, (one, other) in enumerate(zip(got, want, strict=True)) if one != other]
    if not wrong:
        return
    first = wrong[0]
    cause = next((cause for cause, mistaken in causes.items() if mistaken == got != want), "")
    said = f"{cases[first]}: expected {want[first]!r}, got {got[first]!r}. {cause}"
    raise Wrong(said.rstrip())


def _verdict(reported: float, prefix_only: float, in_use: float) -> str:
    """Say which of the numbers departs first."""
    if prefix_only - reported > _CLOSE:
        return "reported"
    return "use" if in_use - prefix_only > _CLOSE else "agree"


def _misread(t: float, r: float, p: float, u: float) -> dict[str, str]:
    """Return what each common mistake says of four numbers, by the sentence that explains it."""

    def first(reported: bool, use: bool) -> str:
        return "reported" if reported else "use" if use else "agree"

    return {
        "a training loss below the held-out loss is no sign of a mistake: leave it out.": first(
            r - t > _CLOSE or p - r > _CLOSE, u - p > _CLOSE
        ),
        "the loss in use is compared with the reported one. Compare it with the loss given the "
        "prefix.": first(p - r > _CLOSE, u - r > _CLOSE),
        "the reported loss comes first: where it is wrong already, the loss in use adds nothing.": (
            "use" if u - p > _CLOSE else first(p - r > _CLOSE, False)
        ),
        "a loss that gets better is no mistake: no absolute values.": first(
            abs(p - r) > _CLOSE, abs(u - p) > _CLOSE
        ),
        "any difference counts here. Only one of more than 0.1 nats does.": first(p > r, u > p),
        "the training loss plays no part. Compare with the reported loss in its place.": (
            first(p - t > _CLOSE, u - p > _CLOSE)
        ),
        "0.1 nats is a difference, not a share of the loss.": first(
            p / r > 1 + _CLOSE, u / p > 1 + _CLOSE
        ),
        "a low loss is taken for a wrong one. How low a loss may be depends on the text.": first(
            r < 1 or p - r > _CLOSE, u - p > _CLOSE
        ),
    }


@exercise("read-four-numbers")
def read_four_numbers(answer: Callable[[float, float, float, float], str]) -> None:
    """`answer(train, reported, prefix_only, in_use)` says where the numbers part."""
    got = [answer(*case) for case in _NUMBERS]
    for case, said in zip(_NUMBERS, got, strict=True):
        if said not in ("agree", "reported", "use"):
            raise Wrong(f"{case}: expected 'agree', 'reported' or 'use', got {said!r}.")
    misread = [_misread(*case) for case in _NUMBERS]
    causes = {cause: [each[cause] for each in misread] for cause in misread[0]}
    want = [_verdict(*case[1:]) for case in _NUMBERS]
    refuse(got, want, [str(case) for case in _NUMBERS], causes)


def _loss(logits: Tensor, tokens: Tensor, shift: int) -> float:
    """Return the mean loss of logits at t against tokens at t + shift."""
    last = tokens.shape[1] - shift
    return F.cross_entropy(logits[:, :last].flatten(0, 1), tokens[:, shift:].flatten()).item()


def _misjudged(logits: Tensor, tokens: Tensor, loss: float, shift: int) -> dict[str, int]:
    """Return what each common mistake makes of a loss, by the sentence that explains it."""

    def nearest(found: Callable[[int], float]) -> int:
        return min(range(3), key=lambda s: abs(found(s) - loss))

    return {
        "the smallest loss is not the one that was given. Find the nearest.": min(
            range(3), key=lambda s: _loss(logits, tokens, s)
        ),
        "the shift goes the wrong way: logit t belongs to a later token, t + s.": nearest(
            lambda s: _loss(logits.flip(1), tokens.flip(1), s)
        ),
        "`roll` brings the first tokens to the end. Leave out logits without a partner.": nearest(
            lambda s: F.cross_entropy(logits.mT, tokens.roll(-s, 1)).item()
        ),
        "`cross_entropy` takes a softmax itself, so it gets logits.": nearest(
            lambda s: _loss(logits.softmax(dim=-1), tokens, s)
        ),
        "the answer does not depend on the loss.": 1,
        "the answer is counted from the next token. 0 means the token itself.": (shift - 1) % 3,
        "0 and 2 are exchanged: a loss that is shifted twice looks two tokens ahead.": 2 - shift,
    }


@exercise("label-shift")
def label_shift(answer: Callable[[Tensor, Tensor, float], int]) -> None:
    """`answer(logits, tokens, loss)` is by how many places the targets are shifted."""
    got, want, cases, misread = [], [], [], []
    for seed, shift in enumerate((1, 0, 2, 2, 1, 0, 1, 2)):
        batch, seq, vocab_size = ((2, 5, 7), (3, 4, 4), (1, 6, 9))[seed % 3]
        logits = 2 * draw(batch, seq, vocab_size, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(vocab_size, (batch, seq), generator=generator)
        losses = [_loss(logits, tokens, s) for s in range(3)]
        said = plain(answer(logits.clone(), tokens.clone(), losses[shift]))
        if isinstance(said, bool) or said not in (0, 1, 2):
            raise Wrong(f"expected 0, 1 or 2, the number of places, got {said!r}.")
        got.append(said)
        want.append(shift)
        cases.append(f"logits of shape {tuple(logits.shape)}, a loss of {losses[shift]:.3f}")
        misread.append(_misjudged(logits, tokens, losses[shift], shift))
    causes = {cause: [each[cause] for each in misread] for cause in misread[0]}
    refuse(got, want, cases, causes)


def _fewest(fails: dict[str, set[str]]) -> int:
    """Return how many probes it takes to catch every mistake."""
    probes = sorted(set().union(*fails.values()))
    for n in range(1, len(probes) + 1):
        if any(
            all(seen & set(some) for seen in fails.values()) for some in combinations(probes, n)
        ):
            return n
    return 0


@exercise("fewest-probes")
def fewest_probes(answer: Callable[[dict[str, set[str]]], Any]) -> None:
    """`answer(fails)` is a smallest set of probes of which each mistake fails one."""
    for fails in (
        {"no_mask": {"future", "cache"}, "cache_offset": {"cache"}, "unscaled": {"formula"}},
        # whoever begins with the probe that catches most needs three
        {name: {"wide", "left"} if i < 2 else {"wide", "right"} for i, name in enumerate("abcd")}
        | {"e": {"left"}, "f": {"right", "extra"}},
        # whoever leaves out one probe after another, from the first or from the last, needs three
        {"one": {"all", "p"}, "two": {"all", "q"}, "three": {"all", "r"}},
        {"one": {"total", "p"}, "two": {"total", "q"}, "three": {"total", "r"}},
        {"one": {"p", "q"}, "two": {"q", "r"}, "three": {"r", "p"}},
        {"alone": {"p"}},
    ):
        probes, given = set().union(*fails.values()), {k: set(v) for k, v in fails.items()}
        got = answer(given)
        if isinstance(got, str) or not isinstance(got, list | tuple | set | frozenset):
            raise Wrong(f"expected a list of names of probes, got {got!r}. Is there a `return`?")
        if set(got) - probes:
            raise Wrong(
                f"{sorted(set(got) - probes)[0]!r} is no probe. The keys are mistakes, the sets "
                f"hold the probes that fail: {sorted(probes)}."
            )
        missed = [name for name, seen in fails.items() if not seen & set(got)]
        if missed:
            raise Wrong(
                f"expected that every mistake is caught; {missed[0]!r} is caught by none of "
                f"{sorted(got)}."
            )
        n = _fewest(fails)
        if len(got) > n:
            cause = "Try all sets of one probe, then of two, and so on."
            if len(set(got)) < len(got):
                cause = "A probe is named twice."
            elif set(got) == probes:
                cause = "These are all probes: which can be left out?"
            elif "wide" in got:
                cause = "The probe that catches most need not be among the fewest."
            elif probes & {"all", "total"}:
                cause = "None of yours can be left out, and yet another list is shorter."
            raise Wrong(f"{sorted(got)}: {n} would be enough for {fails}. {cause}")
