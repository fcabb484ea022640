"""What the tests of error messages share: a wrong call, and how its message is judged."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import glassbox

PACKAGE = Path(glassbox.__file__).parent
LONGEST = 450
"""Characters that a learner reads before giving up."""
GIVEN = re.compile(r"\d|'|torch\.|None|True|of type|the class|was given|lie on")
FIXES = "add|build|convert|cut|give|keep|leave|make|project|take|use|write"
WAY_OUT = re.compile(rf"expect(ed|s)|nearest|run from|\b({FIXES})\b", re.I)
JARGON = re.compile(
    r"k?w?args?\b|\bndim\b|NoneType|broadcast|mat1|callable|\b0x[0-9a-f]+|<class|\n"
)


class Case(NamedTuple):
    """A wrong call: what it must raise, and what the message must say."""

    name: str
    call: Callable[[], object]
    error: type[Exception]
    parts: tuple[str, ...]


def case(name: str, call: Callable[[], object], error: type[Exception], *parts: str):
    """The wrong call as a parameter of a test, under a readable name."""
    return pytest.param(Case(name, call, error, parts), id=name)


def message_of(case: Case) -> str:
    """Run the wrong call, and return the message of the error that this package raises."""
    with pytest.raises(case.error) as raised:
        case.call()
    assert raised.type is case.error
    where = Path(raised.traceback[-1].path)
    assert where.is_relative_to(PACKAGE), f"raised in {where}, not by a check of the package"
    return str(raised.value)


def faults(message: str) -> list[str]:
    """What is wrong with the form of a message; empty where nothing is."""
    sentences = message.endswith((".", "?"))
    found = {
        "does not end with a full stop or a question mark": not sentences,
        f"is longer than {LONGEST} characters": len(message) > LONGEST,
        "does not show what was given": not GIVEN.search(message),
        "says neither what was expected nor a way out": not WAY_OUT.search(message),
        "has words that a learner does not know": bool(JARGON.search(message)),
        "has a gap or a stop too many": bool(re.search(r"  | \.\s|[^.]\.\.$", message)),
        "leaves a bracket open": message.count("(") != message.count(")"),
    }
    return [fault for fault, present in found.items() if present]
