"""Plausible wrong answers to each exercise, with a part of the message that names the cause.

One module a chapter, each with its table `WRONG_ANSWERS`.
"""

import pkgutil
from importlib import import_module

MODULES = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
WRONG_ANSWERS = {
    name: answers for module in MODULES for name, answers in module.WRONG_ANSWERS.items()
}
