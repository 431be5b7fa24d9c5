"""An event loop in a thread, for what has no loop of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


class BackgroundLoop:
    """Runs what is asynchronous for callers that are not, until it is closed."""

    def __init__(self, name: str) -> None:
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()
        self.loop, self._over = self._started.result()

    def _main(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        over = asyncio.Event()
        self._started.set_result((asyncio.get_running_loop(), over))
        await over.wait()

    def run(self, work: Awaitable[T]) -> T:
        """Return what `work` returns, or raise what it raises; where the caller is interrupted, it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(_awaited(work), self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the loop and the thread; a second time does nothing."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._over.set)
            self._thread.join()


async def _awaited(work: Awaitable[T]) -> T:
    return await work
