"""Asynchronous code in tests that are not."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable
    from contextlib import AbstractAsyncContextManager

    from anyio.from_thread import BlockingPortal

    from poolhouse.testing.background_loop import BackgroundLoop

T = TypeVar("T")


class Bridge:
    """Runs asynchronous code for a test that is not asynchronous, in an event loop of another thread.

    The application of such a test is started in that loop, so everything that uses it has to go this way::

        def test_a_user_is_found(application, bridge):
            user = bridge.run(application.users.service().get(1))

    For Starlette's TestClient, `client.portal = bridge.portal`; entered with `with`, it would have a loop of its own.
    """

    def __init__(self, loop: BackgroundLoop) -> None:
        self._loop = loop
        self._contexts = _Contexts()
        self._task = loop.run(self._contexts.begin())
        self._portal: BlockingPortal | None = None

    def run(self, work: Awaitable[T]) -> T:
        """Return what `work` returns, or raise what it raises."""
        return self._loop.run(work)

    def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter an asynchronous context manager, which is left after the test, and return what it gives."""
        return self._loop.run(self._contexts.enter(context))

    @property
    def portal(self) -> BlockingPortal:
        """The loop as anyio and Starlette's TestClient take one; needs anyio, which Starlette brings along."""
        if self._portal is None:
            self._portal = self.enter(_portal())
        return self._portal

    def close(self) -> None:
        """Leave everything that was entered, in reverse."""
        self._loop.run(self._contexts.end())


@asynccontextmanager
async def _portal() -> AsyncGenerator[BlockingPortal]:
    from anyio.from_thread import BlockingPortal  # noqa: PLC0415 - only here, and not everybody has it

    async with BlockingPortal() as portal:
        yield portal


class _Contexts:
    """Enters and leaves context managers in one task, since some insist on it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self._asked: asyncio.Queue[tuple[Any, asyncio.Future[Any]] | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._live(), name="poolhouse: contexts of a test")

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait((context, entered))
        return await entered

    async def end(self) -> None:
        self._asked.put_nowait(None)
        if self._task is not None:
            await self._task

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            while (asked := await self._asked.get()) is not None:
                context, entered = asked
                try:
                    entered.set_result(await stack.enter_async_context(context))
                except BaseException as error:  # noqa: BLE001 - it is the caller's
                    entered.set_exception(error)
