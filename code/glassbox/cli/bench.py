"""`python -m glassbox bench`: how fast this machine runs the course."""

from argparse import ArgumentParser, Namespace

from glassbox.bench import measure

SUMMARY = "Measure how fast this machine trains and generates, side by side in one run."


def add_options(parser: ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--rounds", type=int, default=7, help="how often each thing is timed (default: 7)"
    )


def run(given: Namespace) -> None:
    """Measure and print."""
    for table in measure(rounds=given.rounds):
        print(table.text(), end="\n\n")
