"""What a caller hands to the driver to be run in the middle of an operation: iterables, files, writers."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator

    _Path = str | bytes | os.PathLike[str]


class CallerCode:
    """Watches over the caller's code inside one operation, and keeps what it raised.

    An OSError out of the caller's file is the caller's, and must not be taken for a lost connection.
    """

    __slots__ = ("raised",)

    def __init__(self) -> None:
        self.raised: BaseException | None = None

    def rows(self, rows: Any) -> Any:
        """Return rows as they are when they stand already, and watched when they are yet to be made."""
        if isinstance(rows, list | tuple):
            return cast("Any", rows)
        return self._each(rows) if hasattr(rows, "__aiter__") else self._all(rows)

    def _all(self, rows: Iterable[Any]) -> Iterator[Any]:
        try:
            yield from rows
        except Exception as error:
            self.raised = error
            raise

    async def _each(self, rows: AsyncIterable[Any]) -> AsyncIterator[Any]:
        try:
            async for row in rows:
                yield row
        except Exception as error:
            self.raised = error
            raise

    @asynccontextmanager
    async def source(self, source: Any) -> AsyncGenerator[Any]:
        """Give what the driver can read `source` from; a path is opened here, before a connection is taken."""
        if isinstance(source, str | bytes | os.PathLike):
            file = await asyncio.to_thread(open, cast("_Path", source), "rb")
            try:
                yield _File(file, self)
            finally:
                await asyncio.to_thread(file.close)
        elif hasattr(source, "read"):
            yield _File(source, self)
        else:
            yield self._each(source) if hasattr(source, "__aiter__") else source

    @asynccontextmanager
    async def output(self, output: Any) -> AsyncGenerator[Any]:
        """Give what the driver can write to; a path is opened here, before a connection is taken."""
        if isinstance(output, str | bytes | os.PathLike):
            file = await asyncio.to_thread(open, cast("_Path", output), "wb")
            try:
                yield _File(file, self)
            finally:
                await asyncio.to_thread(file.close)
        elif hasattr(output, "write"):
            yield _File(output, self)
        else:
            yield self._writer(output) if callable(output) else output

    def _writer(self, writer: Any) -> Any:
        async def write(data: bytes) -> None:
            try:
                await writer(data)
            except Exception as error:
                self.raised = error
                raise

        return write


class _File:
    """A file object whose errors are the caller's."""

    __slots__ = ("_caller", "_file")

    def __init__(self, file: Any, caller: CallerCode) -> None:
        self._file = file
        self._caller = caller

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._file.read(size)
        except Exception as error:
            self._caller.raised = error
            raise
        return data

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except Exception as error:
            self._caller.raised = error
            raise
