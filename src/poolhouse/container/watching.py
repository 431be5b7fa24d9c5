"""Watching over a step: what is being done shows in every error, and in the log while it takes long."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from poolhouse.errors import StepTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_log = logging.getLogger("poolhouse.container")


@asynccontextmanager
async def watched(doing: str, *, limit: float | None, slow: float) -> AsyncGenerator[None]:
    """Note on every error what was being done, end it at its limit, and name it in the log while it is slow.

    It is named after `slow` seconds, and again each time that it has taken twice as long.
    """
    clock = asyncio.timeout(limit)
    naming = _Naming(doing, slow)
    try:
        async with clock:
            yield
    except BaseException as error:
        if limit is not None and isinstance(error, TimeoutError) and clock.expired():
            late = StepTimeoutError(doing, limit=limit)
            late.add_note(f"while {doing}")
            for note in getattr(error.__cause__, "__notes__", ()):
                late.add_note(note)
            raise late from None
        error.add_note(f"while {doing}")
        raise
    finally:
        naming.end()


class _Naming:
    """Says again and again how long something has taken so far, more and more rarely."""

    def __init__(self, doing: str, slow: float) -> None:
        self._doing = doing
        self._begun = asyncio.get_running_loop().time()
        self._wait_until(slow)

    def _wait_until(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(self._begun + seconds, self._tell, seconds)

    def _tell(self, seconds: float) -> None:
        _log.warning("%s has taken %g s so far", self._doing, seconds)
        self._wait_until(seconds * 2 or 1.0)

    def end(self) -> None:
        self._timer.cancel()
