"""The book's tools on the command line: `python -m bookkit --help`."""

import argparse
import sys
from pathlib import Path

from bookkit import mutants, publish
from bookkit.pages import ROOT


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(prog="python -m bookkit", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "notebooks",
        help="re-execute notebooks in place",
        description="Re-execute notebooks in place, each in a fresh kernel. Run twice, the second "
        "run changes nothing. A notebook with a failing cell stays as it was.",
    )
    run.add_argument("paths", nargs="*", type=Path, help="notebooks; all chapters if none is given")
    stamp = commands.add_parser(
        "publish-to",
        help="stamp the address of the published repository everywhere",
        description="Put owner/name in place of the current repository in every file that names "
        "it: _config.yml, the setup cells, README, links. Safe to repeat.",
    )
    stamp.add_argument("repository", metavar="owner/name", help="for example jane/attention-course")
    commands.add_parser(
        "colab",
        help="make an environment like Colab's, with the package installed by a setup cell",
        description="Make .venv/colab and a Jupyter kernel for it, named like-colab, in which "
        "the chapters can be run as a reader's first visit to Colab would run them.",
    )
    faults = commands.add_parser(
        "mutants",
        help="plant known faults in the package and see that the tests notice",
        description="Plant the faults of tests/mutants.yml in a copy of the package, one at a "
        "time, and run the tests on it. Fails if a fault goes unnoticed without a stated reason.",
    )
    faults.add_argument("--only", metavar="NAME", default="", help="faults with NAME in their name")
    faults.add_argument("--jobs", type=int, default=2, help="processes at a time")
    speed = commands.add_parser(
        "bench",
        help="measure this package beside others, and write chapters/benchmarks.md",
        description="Time training, writing, memory and imports beside other implementations, in "
        "turns, and put the tables into chapters/benchmarks.md. Needs requirements-bench.txt and "
        "an otherwise idle machine; takes about ten minutes.",
    )
    hand_out = commands.add_parser(
        "assignments",
        help="write the students' notebooks of the problem sets",
        description="Write assignments/release/SET/SET.ipynb and SET.zip: no solutions, no hidden "
        "tests. Needs requirements-assignments.txt.",
    )
    mark = commands.add_parser(
        "grade",
        help="grade a folder of notebooks that students handed in",
        description="Recover each student's answers, grade them in processes of their own, and "
        "write tables, a page for each student and a picture into assignments/grades/. Needs "
        "requirements-assignments.txt.",
    )
    mark.add_argument("submissions", type=Path, help="a folder or a zip of hand-ins")
    mark.add_argument("--seconds", type=float, default=20.0, help="limit of one call of an answer")
    answers = commands.add_parser(
        "try-answers",
        help="grade the stored answers and compare their points",
        description="Hand in every answer stored under assignments/answers/, run the whole "
        "pipeline in a copy of the course, and fail unless each gets exactly the points and the "
        "words that it deserves. Takes minutes.",
    )
    answers.add_argument("sets", nargs="*", help="problem sets; all if none is named")
    for command in (hand_out, mark, answers):
        command.add_argument("--course", type=Path, default=ROOT / "assignments", help="its folder")
    speed.add_argument("--rounds", type=int, default=9, help="how often each thing is timed")
    return top


def notebook_paths(given: list[Path]) -> list[Path]:
    """Return the notebooks to run: those given, or every chapter."""
    paths = given or sorted((ROOT / "chapters").glob("*.ipynb"))
    if not paths:
        raise SystemExit("There is no notebook under chapters/. Give a path.")
    for path in paths:
        if path.suffix != ".ipynb" or not path.is_file():
            raise SystemExit(f"{path} is not a notebook. Give paths such as chapters/x.ipynb.")
    return paths


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    given = parser().parse_args(arguments)
    if given.command == "publish-to":
        return publish.main(given.repository)
    if given.command == "mutants":
        return mutants.main(given.only, given.jobs)
    if given.command == "bench":
        from bookkit.bench import page  # only this command needs torch

        return page.main(given.rounds)
    if given.command == "colab":
        from bookkit import colab  # the kernel machinery takes a second to import

        colab.prepare()
        return 0
    if given.command in ("assignments", "grade", "try-answers"):
        return _problem_sets(given)
    from bookkit import notebooks  # the kernel machinery takes a second to import

    return notebooks.reexecute_all(notebook_paths(given.paths))


def _problem_sets(given: argparse.Namespace) -> int:
    """Run a command on the problem sets."""
    from bookkit.grading import commands, stored  # only these need nbgrader

    if given.command == "assignments":
        return commands.assignments(given.course)
    if given.command == "grade":
        return commands.grade(given.course, given.submissions, given.seconds)
    return stored.main(given.course, given.sets)


if __name__ == "__main__":
    sys.exit(main())
