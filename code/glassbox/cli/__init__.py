"""The command line: `python -m glassbox train`, `generate`, `trace` and `bench`."""

from glassbox.cli.main import main

__all__ = ["main"]
