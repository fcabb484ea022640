"""The process that holds one student's answers: it runs cells, and answers calls with plain data.

It is told what to do over one connection. What comes in is pickled by the grader, which it may
trust; what goes out is tensors, numbers and words, which the grader reads without running anything.
"""

import contextlib
import importlib
import io
import linecache
import pickle
import sys
import traceback
import types
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bookkit.grading import fence

PRINTED = 2000  # characters of what an answer prints that are kept
TICKET = 8  # bytes at the beginning of a request, which its reply repeats
MODULE = "answers"  # the module in which a student's cells run


def main() -> None:
    """Shut this process in, then serve the grader until it hangs up."""
    connection, home = Connection(int(sys.argv[1])), Path(sys.argv[2])
    fence.shut_in(home)
    import cloudpickle  # noqa: F401  # what comes in needs it, and it cannot be loaded later
    import torch
    from IPython.core.inputtransformer2 import TransformerManager

    torch.set_num_threads(1)
    torch.manual_seed(0)
    answers = types.ModuleType(MODULE)
    sys.modules[MODULE] = answers
    answers.__dict__["get_ipython"] = lambda: Silent()
    transform = TransformerManager().transform_cell
    fence.listen(home)
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(reply(request, answers, transform))


class Silent:
    """What stands for IPython: it passes over magics and shell commands, and times nothing."""

    def __getattr__(self, name: str) -> Any:
        """Give every magic the same silent answer."""
        return lambda *given: None

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        """Run what stands below a `%%time` and the like."""
        if name in ("time", "timeit", "capture"):
            exec(compile(body, "<cell>", "exec"), sys.modules[MODULE].__dict__)


def reply(request: bytes, answers: types.ModuleType, transform: Any) -> bytes:
    """Do what was asked, and return the value or the error in bytes."""
    told: dict[str, Any] = {"ticket": request[:TICKET].hex()}
    kept = Beginning()
    try:
        with contextlib.redirect_stdout(kept):
            value = plain(act(pickle.loads(request[TICKET:]), answers, transform))
        return packed({**told, "printed": kept.text, "value": value})
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: they are answers here
        told |= {"error": type(error).__name__, "message": str(error), "at": place(error)}
        return packed({**told, "printed": kept.text})


class Beginning(io.TextIOBase):
    """A file that keeps the beginning of what is written, and forgets the rest."""

    text = ""

    def write(self, more: str) -> int:
        """Keep what there is room for."""
        self.text += more[: max(0, PRINTED - len(self.text))]
        return len(more)


def act(request: tuple, answers: types.ModuleType, transform: Any) -> Any:
    """Run a cell, switch functions off, call an answer, or run a probe beside the answers."""
    what, *given = request
    if what == "cell":
        name, source = given
        source = transform(source)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), answers.__dict__)
        return None
    if what == "without":
        for path in given[0]:
            switch_off(path)
        return None
    function, arguments, named = given
    return function(*arguments, **named)


def the_answer(name: str) -> Any:
    """Return what the student's cells call `name`: a stand-in is unpickled to this."""
    try:
        return getattr(sys.modules[MODULE], name)
    except AttributeError:
        # No error that a test would take for PyTorch's, which NotImplementedError may be.
        raise NameError(f"there is no {name!r}: its cell did not define it.") from None


def switch_off(path: str) -> None:
    """Put a refusal in place of what is finished.

    Args:
        path: a function or class, such as 'torch.nn.Transformer', or all that a package names as
            public, wherever it stands in the package: 'glassbox.masks.*'.

    Raises:
        ValueError: if there is nothing by that name.
    """
    package, _, name = path.rpartition(".")
    module = importlib.import_module(package)
    if name != "*" and not hasattr(module, name):
        raise ValueError(f"there is no {path} to switch off.")
    inside = [m for key, m in sys.modules.items() if f"{key}.".startswith(f"{package}.")]
    for place in inside if name == "*" else [module]:
        for one in module.__all__ if name == "*" else [name]:
            if callable(getattr(place, one, None)):
                setattr(place, one, refusal(f"{package}.{one}"))


def refusal(path: str) -> Any:
    """Return what stands in place of a finished function."""

    def refuse(*given: Any, **named: Any) -> None:
        """Say that this is to be written by hand."""
        raise PermissionError(f"{path} is switched off: this problem is to be written by hand.")

    return refuse


def plain(value: Any, depth: int = 0) -> Any:
    """Return a copy made of tensors, numbers, strings, lists, tuples and dicts only.

    Raises:
        TypeError: if the value holds anything else.
    """
    import torch

    if value is None or type(value) in (bool, int, float, str, complex):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu").as_subclass(torch.Tensor).clone().contiguous()
    if depth < 8 and isinstance(value, dict):
        return {plain(k, depth + 1): plain(v, depth + 1) for k, v in value.items()}
    if depth < 8 and isinstance(value, list | tuple):
        items = [plain(item, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if type(value).__module__ == "numpy":
        return plain(torch.as_tensor(value) if getattr(value, "ndim", 0) else value.item())
    raise TypeError(
        f"the answer returned a {type(value).__name__}; expected tensors, numbers, strings, or "
        "lists, tuples and dicts of them."
    )


def packed(answer: dict[str, Any]) -> bytes:
    """Write plain data in PyTorch's format, which can be read without running anything."""
    import torch

    buffer = io.BytesIO()
    torch.save(answer, buffer)
    return buffer.getvalue()


def place(error: BaseException) -> str:
    """Name the line of the student's cell in which an error arose; empty if there is none."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {(error.text or '').strip()}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith("<"):
            return f"line {frame.lineno}: {frame.line}" if frame.line else f"line {frame.lineno}"
    return ""


def command(line: int, home: Path) -> list[str]:
    """Return the command that starts such a process, given the number of its open line."""
    code = "from bookkit.grading import answering; answering.main()"
    return [sys.executable, "-c", code, str(line), str(home)]
