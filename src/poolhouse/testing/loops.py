"""In which event loop a test runs, whichever plugin runs it, so that its application can be started in the same one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pytest

THREAD = "thread"
ANYIO = "anyio"
# Of pytest-asyncio: for how long a loop is used.
SCOPES = ("function", "class", "module", "package", "session")
# Those that end with their test, so that nothing in them can be shared with another.
OF_ONE_TEST = ("function", ANYIO)


def running_in(loop: str) -> str:
    """Return the name of the fixture that starts the application of a test in such a loop."""
    return f"_application_in_{loop}_loop"


def shared_in(loop: str) -> str:
    """Return the name of the fixture that has what tests in one such loop share."""
    return f"_shared_application_in_{loop}_loop"


def loop_of(item: pytest.Item) -> str:
    """Return where a test runs: one of SCOPES, ANYIO, or THREAD where the test itself is not asynchronous."""
    if not _is_asynchronous(getattr(item, "obj", None)):
        return THREAD
    if "anyio_backend" in cast("Any", item).fixturenames:
        return ANYIO
    marker = item.get_closest_marker("asyncio")
    said = marker.kwargs.get("loop_scope") if marker is not None else None
    return str(said or item.config.getini("asyncio_default_test_loop_scope"))


def _is_asynchronous(function: Any) -> bool:
    of_hypothesis = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(getattr(of_hypothesis, "inner_test", function))
