"""The tests of the library look at whole servers, at their locks and sessions, so each worker has one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poolhouse.testing.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse.testing.background_loop import BackgroundLoop


@pytest.fixture(scope="session")
def postgres(_poolhouse_loop: BackgroundLoop) -> Iterator[str]:
    """Give the DSN of a running server that no other worker uses."""
    with running_server(_poolhouse_loop, None) as dsn:
        yield dsn
