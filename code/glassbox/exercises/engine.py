"""How an answer is judged: not attempted, passed, or wrong with the likely cause."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Check = Callable[[Callable[..., Any]], None]
_CHECKS: dict[str, Check] = {}


class Wrong(Exception):
    """An answer is wrong; the message says what was expected, what came, and why."""


@dataclass(frozen=True)
class Verdict:
    """What the check of one exercise found.

    Attributes:
        status: whether the answer is not attempted, passed or wrong.
        message: what was expected, what came, and the likely cause.

    Example:
        >>> print(Verdict("passed", "three shapes, five seeds."))
        Passed – three shapes, five seeds.
    """

    status: Literal["not attempted", "passed", "wrong"]
    message: str

    def __str__(self) -> str:
        """Return the line that a reader sees."""
        opening = {"not attempted": "Not attempted yet", "passed": "Passed", "wrong": "Not yet"}
        return f"{opening[self.status]} – {self.message}"


def exercise(name: str) -> Callable[[Check], Check]:
    """Register the decorated function as the check of the exercise `name`."""

    def register(run: Check) -> Check:
        _CHECKS[name] = run
        return run

    return register


def judge(name: str, answer: Callable[..., Any]) -> Verdict:
    """Run the check of an exercise on an answer.

    Args:
        name: the exercise's name, as its check cell has it.
        answer: the reader's function.

    Returns:
        The verdict. An answer that raises `NotImplementedError` is not attempted.

    Raises:
        ValueError: if no exercise has this name.

    Example:
        >>> judge("stable-softmax", lambda scores, dim: scores.softmax(dim)).status
        'passed'
    """
    if name not in _CHECKS:
        raise ValueError(f"no exercise is called {name!r}; there are {sorted(_CHECKS)}.")
    try:
        with torch.random.fork_rng(devices=[]):  # the reader's random numbers stay as they are
            torch.manual_seed(0)
            _CHECKS[name](answer)
    except Wrong as wrong:
        return Verdict("wrong", str(wrong))
    except Exception as error:
        if _is_the_stubs(error):
            return Verdict("not attempted", "replace the last line of the stub, then run both.")
        return Verdict("wrong", f"your code raised {type(error).__name__}: {error}")
    return Verdict("passed", "your answer holds on every shape and seed that was tried.")


def check(name: str, answer: Callable[..., Any]) -> None:
    """Print the verdict on an answer to the exercise `name`.

    Args:
        name: the exercise's name, as its check cell has it.
        answer: the reader's function.

    Raises:
        ValueError: if no exercise has this name.

    Example:
        >>> check("stable-softmax", lambda scores, dim: scores.softmax(dim))
        Passed – your answer holds on every shape and seed that was tried.
    """
    print(judge(name, answer))


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw random numbers that are the same for everybody."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def beside(probe: Callable[..., Any], *given: Any) -> Any:
    """Run a function where the answer lives: here; the grader runs it in the answer's process."""
    return probe(*given)


def unlike(want: Tensor, mistaken: dict[str, Tensor], atol: float = 1e-8) -> dict[str, Tensor]:
    """Leave out the mistakes that make no difference here: no right answer gets their sentence."""
    return {
        cause: value
        for cause, value in mistaken.items()
        if value.shape != want.shape or not _equal(value, want, atol=atol)
    }


def _is_the_stubs(error: Exception) -> bool:
    """Tell a stub's bare `NotImplementedError` from one of PyTorch's, which has a message."""
    return isinstance(error, NotImplementedError) and not error.args


@contextmanager
def blame(cause: str) -> Iterator[None]:
    """Turn an error of PyTorch's raised inside into `Wrong` with its likely cause."""
    try:
        yield
    except (RuntimeError, TypeError) as error:
        if _is_the_stubs(error):
            raise
        raise Wrong(f"{cause} (PyTorch says: {error})") from error


def compare(
    got: Any, want: Tensor, what: str, causes: dict[str, Tensor] | None = None, **tolerance: float
) -> None:
    """Raise `Wrong` unless `got` equals `want`, naming the cause where a known mistake fits.

    Args:
        got: what the reader's code returned.
        want: the right value.
        what: its name in a message, such as "the context vectors".
        causes: the value that each common mistake gives, by the sentence that explains it.
        tolerance: `rtol` and `atol`, where single precision is not the measure.
    """
    if got is None:
        raise Wrong(f"{what}: nothing came back. The function probably lacks a `return`.")
    if not isinstance(got, Tensor):
        raise Wrong(f"{what}: expected a torch.Tensor, got {type(got).__name__}.")
    got = got.detach()
    tolerance = tolerance or {"rtol": 1e-4, "atol": 1e-5}
    if got.shape == want.shape and _equal(got, want, **tolerance):
        return
    for cause, mistaken in (causes or {}).items():
        if got.shape == mistaken.shape and _equal(got, mistaken, **tolerance):
            raise Wrong(f"{what}: {cause}")
    if got.shape != want.shape:
        raise Wrong(f"{what}: expected shape {tuple(want.shape)}, got {tuple(got.shape)}.")
    if not torch.isfinite(got).all():
        raise Wrong(f"{what}: there are infinite entries or NaNs where all should be finite.")
    worst = (got.double() - want.double()).abs().argmax()
    raise Wrong(
        f"{what}: the shape {tuple(want.shape)} is right, the values are not. The largest gap is "
        f"at {float(got.flatten()[worst]):.4f}, where {float(want.flatten()[worst]):.4f} was "
        "expected."
    )


def _equal(got: Tensor, want: Tensor, **tolerance: float) -> bool:
    """Whether two tensors of one shape agree, whatever their precision."""
    return torch.allclose(got.double(), want.double(), **tolerance)
