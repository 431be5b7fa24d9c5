"""Cursors: asyncpg's, with our errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from poolhouse.schema.tracing import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator

    from asyncpg import Record
    from asyncpg.cursor import Cursor as DriverCursor
    from asyncpg.cursor import CursorFactory as DriverCursorFactory

    from poolhouse.pool import SharedPool, Use
    from poolhouse.schema.session import Session
    from poolhouse.schema.statements import Statement

T = TypeVar("T")


class CursorFactory:
    """What `cursor()` returns: `async for` over its rows, or `await` it for a Cursor to move by hand."""

    __slots__ = ("_driver", "_pool", "_statement", "_use")

    def __init__(self, driver: DriverCursorFactory[Any], *, pool: SharedPool, use: Use, statement: Statement) -> None:
        self._driver = driver
        self._pool = pool
        self._use = use
        self._statement = statement

    def __repr__(self) -> str:
        return f"<CursorFactory of service {self._use.service!r}>"

    def session(self, *, is_whole: bool = True) -> Session:
        """Return the context in which one message of the cursor is sent; see Session."""
        return open_session(
            self._pool,
            self._use.service,
            held=self._use,
            timeout=None,
            statement=self._statement,
            is_whole=is_whole,
        )

    async def __aiter__(self) -> AsyncIterator[Record]:
        async with self.session():
            rows = self._driver.__aiter__()
            row = await anext(rows, None)
        while row is not None:
            yield row
            async with self.session(is_whole=False):
                row = await anext(rows, None)

    def __await__(self) -> Generator[Any, None, Cursor]:
        return self._open().__await__()

    async def _open(self) -> Cursor:
        async with self.session():
            return Cursor(await self._driver, self)


class Cursor:
    """An open cursor, moved by hand; it lives as long as its transaction. `timeout` is in seconds."""

    __slots__ = ("_driver", "_factory")

    def __init__(self, driver: DriverCursor[Any], factory: CursorFactory) -> None:
        self._driver = driver
        self._factory = factory

    async def fetch(self, n: int, *, timeout: float | None = None) -> list[Record]:
        """Return the next `n` rows, fewer at the end."""
        return await self._run(lambda: self._driver.fetch(n, timeout=timeout))

    async def fetchrow(self, *, timeout: float | None = None) -> Record | None:
        """Return the next row, or None at the end."""
        return await self._run(lambda: self._driver.fetchrow(timeout=timeout))

    async def forward(self, n: int, *, timeout: float | None = None) -> int:
        """Skip the next `n` rows, and return how many there were."""
        return await self._run(lambda: self._driver.forward(n, timeout=timeout))

    async def _run(self, step: Callable[[], Awaitable[T]]) -> T:
        async with self._factory.session():
            return await step()
