"""Run tests on a copy of the package that has a fault in it, in a process of its own.

Most of a short run of tests is imports. They are done once, in the process that every trial is
forked from; the package itself is imported by each trial, from its copy.
"""

import os
import sys
import time
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

PATIENCE = 300  # seconds for one trial; a fault that makes the tests hang is noticed
HUNG = "the tests did not end"
HEAVY = ["beartype", "hypothesis.strategies", "jaxtyping", "matplotlib.figure", "torch.testing"]
HEAVY += [
    f"transformers.models.{name}.modeling_{name}"
    for name in ("bert", "bloom", "deberta", "gpt2", "llama", "t5", "xlnet")
]


class Verdict(NamedTuple):
    """How a trial went: which test failed first, if any, and how long it took."""

    failed: str | None
    seconds: float


def trial(copy: Path, root: Path, tests: Iterable[Path], heavy: Iterable[str] = HEAVY) -> Verdict:
    """Run tests up to the first that fails, with `copy` in place of the installed package.

    Raises RuntimeError if pytest came to no verdict, which is no failing test: it crashed, found
    no tests, or met another copy of the package.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(list(heavy))
    notes = copy.parent / "notes"
    notes.mkdir()
    paths = [str(path) for path in tests]
    process = context.Process(target=_try, args=(copy, notes, root, paths), daemon=True)
    started = time.perf_counter()
    process.start()
    process.join(PATIENCE)
    seconds = time.perf_counter() - started
    if process.is_alive():
        process.kill()
        return Verdict(HUNG, seconds)
    return Verdict(_first_failure(notes, process.exitcode), seconds)


def _first_failure(notes: Path, code: int) -> str | None:
    """Return the test that failed, or None if all passed."""
    record = notes / "failed"
    failed = record.read_text(encoding="utf-8") if record.exists() else ""
    if code == 0 or (code in (1, 2) and failed):
        return failed or None
    log = (notes / "log").read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"the tests came to no verdict (exit code {code}):\n{log[-2000:]}")


def _try(copy: Path, notes: Path, root: Path, paths: list[str]) -> None:
    """Run pytest, and leave its output and the test that failed in the folder `notes`."""
    log = os.open(notes / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ |= {"PYTHONPATH": str(copy.parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path.insert(0, str(copy.parent))
    import pytest

    _no_shrinking()
    options = ["-c", str(root / "pyproject.toml"), "--rootdir", str(root), "-x", "-q"]
    options += ["-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # it is imported already
    witness = Witness(copy)
    code = pytest.main([*options, *paths], plugins=[witness])
    (notes / "failed").write_text(witness.failed or "", encoding="utf-8")
    sys.stdout.flush()
    os._exit(int(code))


def _no_shrinking() -> None:
    """Let hypothesis stop at the first counterexample, and neither keep nor replay any."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("trial", phases=phases, database=None)
    settings.load_profile("trial")


class Witness:
    """A plugin that notes which test fails, and stops where the package is not the copy."""

    def __init__(self, copy: Path) -> None:
        """Remember where the copy is."""
        self.copy = copy
        self.failed: str | None = None

    def pytest_collection_finish(self) -> None:
        """Stop if the tests imported the installed package, which has no fault in it."""
        import pytest

        found = getattr(sys.modules.get(self.copy.name), "__file__", None)
        if found is None or Path(found).parent != self.copy:
            pytest.exit(f"{self.copy.name} is {found}, not {self.copy}", returncode=4)

    def pytest_runtest_logreport(self, report) -> None:
        """Note a test that fails."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report) -> None:
        """Note a file of tests that cannot even be imported."""
        self.pytest_runtest_logreport(report)
