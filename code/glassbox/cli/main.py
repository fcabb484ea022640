"""Which command was asked for; a mistake is reported in a sentence, without a traceback."""

import argparse
import sys
from collections.abc import Sequence

from glassbox.cli import bench, check, generate, mistakes, trace, train

COMMANDS = {
    "train": train,
    "generate": generate,
    "trace": trace,
    "check": check,
    "bench": bench,
    "mistakes": mistakes,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `python -m glassbox`; those of the command line if not given.

    Returns:
        0 where all went well, 1 where something went wrong or an invariant fails, 2 where the
        command was not understood, 130 after Ctrl-C.

    Example:
        >>> main(["trace", "--preset", "character"])  # doctest: +ELLIPSIS
        GPT: ...
        0
    """
    given = _parser().parse_args(arguments)
    try:
        return COMMANDS[given.command].run(given) or 0
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except (ValueError, TypeError, RuntimeError, OSError) as reason:
        print(f"{type(reason).__name__}: {reason}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(
        prog="python -m glassbox",
        description="Train a small language model, let it write, and look at what it does.",
        epilog="Start with `python -m glassbox train`: it needs no data, no download and about a "
        "minute. `python -m glassbox COMMAND --help` explains each command.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary = command.SUMMARY[0].lower() + command.SUMMARY[1:].rstrip(".")
        part = commands.add_parser(name, help=summary, description=command.SUMMARY)
        command.add_options(part)
    return top
