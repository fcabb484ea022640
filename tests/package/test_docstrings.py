"""The reference is complete: every public name says what it takes, where it comes from, and how."""

import importlib
import inspect
import pkgutil

import pytest
from torch import nn

import glassbox


def public():
    """Return every class and function that a room offers: its `__all__`, or what it defines."""
    found = {}
    for info in pkgutil.iter_modules(glassbox.__path__, "glassbox."):
        room = importlib.import_module(info.name)
        own = [
            n for n, thing in vars(room).items() if getattr(thing, "__module__", "") == info.name
        ]
        for name in getattr(room, "__all__", own):
            thing = getattr(room, name)
            if (inspect.isclass(thing) or inspect.isfunction(thing)) and not name.startswith("_"):
                found[f"{info.name}.{name}"] = thing
    return found


PUBLIC = public()


def missing(thing):
    """Return the sections that the docstring of a class or function lacks."""
    text = inspect.getdoc(thing) or ""
    needed = {"Example:"}
    takes = (
        inspect.signature(thing).parameters
        if "__init__" in vars(thing) or inspect.isfunction(thing)
        else ()
    )
    if takes and not ("Args:" in text or "Attributes:" in text):
        needed.add("Args:")
    if inspect.isclass(thing) and issubclass(thing, nn.Module) and "glassbox" in thing.__module__:
        needed.add("Source:")
    return {section for section in needed if section not in text}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_complete_docstring(name):
    assert not missing(PUBLIC[name]), f"{name} lacks {missing(PUBLIC[name])}"


def test_a_planted_gap_is_found():
    def bare(x):
        """Do something."""

    class Bare(nn.Module):
        """Do something."""

    assert missing(bare) == {"Args:", "Example:"}
    assert missing(Bare) >= {"Example:"}
