"""The grader's side: a student's answers, kept in a process of their own.

Nothing that the answers do can reach the tests. Arguments go over, plain data comes back, and a
process that does not answer in time, or ends itself, is replaced by a fresh one.
"""

import builtins
import io
import secrets
from collections.abc import Callable, Iterable
from typing import Any

import cloudpickle
import torch

from bookkit.grading import answering
from bookkit.grading.process import Lost, Process

OURS = 60.0  # seconds that our own cells may work, on the slowest machine


class StandIn:
    """What a test sees of a student's function: calls are sent over, results come back."""

    def __init__(self, answers: "Answers", name: str) -> None:
        """Remember whom to ask for what."""
        self._answers, self.name = answers, name

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the student's function where it lives."""
        return self._answers.ask((self, given, named), {self.name})

    def __reduce__(self) -> tuple:
        """Become the student's own function on the other side."""
        return answering.the_answer, (self.name,)


class Answers:
    """One student's answers in a process of their own.

    Args:
        seconds: how long one cell or one call may work.

    Example:
        >>> with Answers(seconds=20) as answers:
        ...     answers.run("first", "def double(x): return 2 * x")
        ...     answers.stand_in("double")(torch.tensor(4))
        tensor(8)
    """

    def __init__(self, seconds: float) -> None:
        """Start nothing yet: a process is started when it is needed."""
        self.seconds = seconds
        self._steps: list[tuple[tuple, str, float]] = []  # what a fresh process takes again
        self._barred: dict[str, str] = {}  # names that are not called again, and why
        self._process: Process | None = None
        self._printed = ""

    def __enter__(self) -> "Answers":
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stop()

    def run(self, name: str, source: str, ours: bool = False) -> None:
        """Run a cell.

        Args:
            name: what the cell is called.
            source: its code.
            ours: whether it came with the problem set, and so has more time.

        Raises:
            Lost: if it works too long, or ends its process. It is then left out whenever a fresh
                process takes all steps again.
            Exception: what the cell raises, if that is built in; else a RuntimeError.
        """
        limit = OURS if ours else self.seconds
        self._step((("cell", f"<{name}>", source), f"the cell {name}", limit))

    def switch_off(self, without: Iterable[str]) -> None:
        """Switch finished functions off, given by their dotted names."""
        self._step((("without", tuple(without)), "switching off", OURS))

    def stand_in(self, name: str) -> StandIn:
        """Return what stands for the student's function or class `name` in the tests."""
        return StandIn(self, name)

    def beside(self, probe: Callable[..., Any], *given: Any) -> Any:
        """Run a probe next to the answers, and return the plain data that it returns."""
        found = [v for v in given if isinstance(v, StandIn)]
        found += [probe.__globals__.get(name) for name in probe.__code__.co_names]
        return self.ask((probe, given, {}), {v.name for v in found if isinstance(v, StandIn)})

    def ask(self, call: tuple, names: set[str]) -> Any:
        """Send a call over that uses the answers `names`; they are barred if they do not return.

        Raises:
            Lost: if the process is lost.
            Exception: the answer's own, if its type is built in; else a RuntimeError.
        """
        for name in names & self._barred.keys():
            raise Lost(self._barred[name])
        try:
            what = " and ".join(sorted(names)) or "the answer"
            return self._send((("call", *call), what, self.seconds))
        except Lost as lost:
            self._barred |= dict.fromkeys(names, f"{lost} It was not called again.")
            raise

    def printed(self) -> str:
        """Return what was printed since the last time, as far as it was kept."""
        text, self._printed = self._printed, ""
        return text

    def _step(self, step: tuple[tuple, str, float]) -> None:
        """Take a step that stays: a fresh process takes it again."""
        try:
            self._send(step)
        finally:
            if self._process:  # also after an error: what came before it in the cell was done
                self._steps.append(step)

    def _send(self, step: tuple[tuple, str, float]) -> Any:
        """Ask the process, or a fresh one that has taken all steps."""
        request, what, seconds = step
        while self._process is None:
            self._restart()
        ticket = secrets.token_bytes(answering.TICKET)
        try:
            answer = self._process.ask(ticket + cloudpickle.dumps(request), what, seconds)
            return self._value(answer, ticket, what)
        except Lost:
            self._process = None
            raise

    def _restart(self) -> None:
        """Start a fresh process and take all steps again; leave out one that ends it."""
        self._process = Process()
        for step in list(self._steps):
            try:
                self._send(step)
            except Lost:
                self._steps.remove(step)
                return
            except Exception:
                continue  # it failed before, too

    def _value(self, answer: bytes, ticket: bytes, what: str) -> Any:
        """Read a reply without running anything of it; raise the error that it holds."""
        try:
            read = torch.load(io.BytesIO(answer), weights_only=True)
            if read["ticket"] != ticket.hex():
                raise ValueError("it belongs to another request")
            self._printed = (self._printed + str(read["printed"]))[: answering.PRINTED]
        except Exception as error:
            self._process.stop()  # type: ignore[union-attr]  # who knows what else is on the line
            raise Lost(f"what came back from {what} cannot be read.") from error
        if "value" in read:
            return read["value"]
        raise _raised(str(read["error"]), str(read["message"]), str(read["at"]))


def _raised(name: str, message: str, at: str) -> Exception:
    """Return an error of the answer's as one of ours: built in, or a RuntimeError."""
    if name == "NotImplementedError" and not message:
        return NotImplementedError()
    kind = getattr(builtins, name, RuntimeError)
    try:
        if not issubclass(kind, Exception) or name != kind.__name__:
            raise TypeError("it is no error that is built in")
        raised = kind(message)
    except TypeError:
        raised = RuntimeError(f"{name}: {message}")
    raised.add_note(at)
    return raised
