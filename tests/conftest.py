"""Settings of every test: the shapes in glassbox's signatures are enforced while they run."""

from collections.abc import Iterator

import jaxtyping
import pytest

jaxtyping.install_import_hook("glassbox", "beartype.beartype")


@pytest.fixture
def as_a_reader_runs_it() -> Iterator[None]:
    """Switch the shape checks off, so that a test meets the package's own error messages."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
