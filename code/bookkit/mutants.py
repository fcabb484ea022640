"""Plant known faults in a copy of the package, one at a time, and see whether the tests notice.

The list is tests/mutants.yml. A test that passes although the code is wrong tests nothing.
"""

import os
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bookkit.mutant_trial import HEAVY, HUNG, Verdict, trial
from bookkit.pages import ROOT

LEAST_SHARE = 0.95


@dataclass(frozen=True)
class Fault:
    """One entry of the list: a text in a file of the package, and what to write in its place."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    survives: str | None = None

    def plant(self, text: str) -> str:
        """Return the file's text with the fault in it."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: `old` occurs {found} times in {self.file}, not once.")
        if self.old == self.new:
            raise ValueError(f"{self.name}: `new` is `old`, so there is no fault.")
        return text.replace(self.old, self.new)

    def amiss(self, verdict: Verdict) -> str | None:
        """Say what is wrong with the tests or with the list, if anything is."""
        if verdict.failed and self.survives:
            return "CAUGHT, but listed as a survivor: take `survives` out"
        if not verdict.failed and not self.survives:
            return "SURVIVED: a test is missing"
        return None


@dataclass(frozen=True)
class Workshop:
    """Where the package, its tests and the list of faults lie."""

    root: Path = ROOT
    package: str = "glassbox"
    heavy: tuple[str, ...] = tuple(HEAVY)

    @property
    def home(self) -> Path:
        """The folder of the package."""
        return self.root / "code" / self.package

    def faults(self) -> list[Fault]:
        """Read the list."""
        listed = yaml.safe_load((self.root / "tests/mutants.yml").read_text(encoding="utf-8"))
        return [Fault(**entry | {"tests": tuple(entry["tests"])}) for entry in listed]

    def run(self, tests: Iterable[str], fault: Fault | None = None) -> Verdict:
        """Run files of tests on a copy of the package, with the fault in it if there is one."""
        with TemporaryDirectory() as folder:
            copy = Path(folder).resolve() / self.package
            shutil.copytree(self.home, copy, ignore=shutil.ignore_patterns("__pycache__"))
            if fault is not None:
                file = copy / fault.file
                faulty = fault.plant(file.read_text(encoding="utf-8"))
                file.write_text(faulty, encoding="utf-8")
            paths = [self.root / "tests/package" / name for name in tests]
            return trial(copy, self.root, paths, self.heavy)

    def examine(self, fault: Fault) -> Verdict:
        """Run the tests most likely to notice a fault, and the others only if they do not."""
        near = self.run(fault.tests, fault)
        if near.failed:
            return near
        names = {path.name for path in (self.root / "tests/package").glob("test_*.py")}
        others = sorted(names - set(fault.tests))
        if not others:
            return near
        far = self.run(others, fault)
        return Verdict(far.failed, near.seconds + far.seconds)

    def broken(self, files: Iterable[str], jobs: int) -> list[str]:
        """Return the first failing test of each file on the package as it is."""
        with ThreadPoolExecutor(jobs) as pool:
            verdicts = pool.map(lambda name: self.run([name]), sorted(files))
            return [verdict.failed for verdict in verdicts if verdict.failed]


def main(only: str = "", jobs: int = 2, shop: Workshop | None = None) -> int:
    """Examine the faults whose name contains `only`, print a table, and return the exit code."""
    shop = shop or Workshop()
    faults = [fault for fault in shop.faults() if only in fault.name]
    if not faults:
        raise SystemExit(f"No fault in tests/mutants.yml has {only!r} in its name.")
    os.environ["OMP_NUM_THREADS"] = "1"
    started = time.perf_counter()
    likely = {name for fault in faults for name in fault.tests}
    if broken := shop.broken(likely, jobs):
        return complain(broken)
    found = {}
    with ThreadPoolExecutor(jobs) as pool:
        for fault, verdict in zip(faults, pool.map(shop.examine, faults), strict=True):
            print(row(fault, verdict), flush=True)
            found[fault] = verdict
    others = {file_of(verdict.failed) for verdict in found.values()} - likely - {""}
    summarize(found, time.perf_counter() - started)
    if broken := shop.broken(others, jobs):
        return complain(broken)
    few = not only and share(found.values()) < LEAST_SHARE
    return int(few or any(fault.amiss(verdict) for fault, verdict in found.items()))


def file_of(failed: str | None) -> str:
    """Return the file that a test lies in, or nothing if it is none."""
    return "" if failed in (None, HUNG) else Path(failed.partition("::")[0]).name


def share(verdicts: Iterable[Verdict]) -> float:
    """Return the share of faults that a test noticed."""
    noticed = [bool(verdict.failed) for verdict in verdicts]
    return sum(noticed) / len(noticed)


def row(fault: Fault, verdict: Verdict) -> str:
    """Return the line of the table about one fault."""
    failed = verdict.failed and verdict.failed.removeprefix("tests/package/")
    result = fault.amiss(verdict) or (f"caught by {failed}" if failed else "survived, as listed")
    return f"{verdict.seconds:5.1f} s  {fault.name:<66}  {result}"


def summarize(found: dict[Fault, Verdict], seconds: float) -> None:
    """Print how many faults were noticed, and why each of the others was not."""
    survivors = [fault for fault, verdict in found.items() if not verdict.failed]
    noticed = f"{len(found) - len(survivors)} of {len(found)} faults noticed"
    print(f"\n{noticed} ({share(found.values()):.1%}) in {seconds / 60:.1f} minutes")
    for fault in survivors:
        print(f"survivor: {fault.name}: {fault.survives or 'no reason is given'}")


def complain(broken: list[str]) -> int:
    """Print the tests that fail without any fault, and return the exit code."""
    print("These tests fail without any fault, so they prove nothing:", *broken, sep="\n  ")
    return 1
