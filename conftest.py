"""What holds for all tests of the library, and not for those of an application."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from poolhouse.testing.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse.testing.background_loop import BackgroundLoop


@pytest.fixture(scope="session")
def postgres(_poolhouse_loop: BackgroundLoop) -> Iterator[str]:
    """Give the DSN of a running server that no other worker uses: tests look at all its locks and sessions."""
    with running_server(_poolhouse_loop, None) as dsn:
        yield dsn


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Leave no test a handler of the log whose stream was captured, and closed, with the test before."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
