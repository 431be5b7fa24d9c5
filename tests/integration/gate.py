"""A way to a real server that can be shut: what is between an application and its database fails too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg


class Gate:
    """Forwards a port on the loopback to a server; while it is held, nothing passes in either direction."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._passing = asyncio.Event()
        self._passing.set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.arrived = asyncio.Event()
        self.port = 0

    @property
    def dsn(self) -> str:
        parts = urlsplit(self._dsn)
        role = parts.netloc.rpartition("@")[0] or "postgres"
        return f"postgresql://{role}@127.0.0.1:{self.port}{parts.path}?sslmode=disable"

    async def open(self, port: int = 0) -> None:
        connection = await asyncpg.connect(self._dsn)
        self._address = connection._addr
        await connection.close()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.let_pass()
        self.cut()
        # Not cancelled: asyncio reports a handler of a connection that was.
        await asyncio.gather(*self._handlers)

    def hold(self) -> None:
        self._passing.clear()
        self.arrived.clear()

    def let_pass(self) -> None:
        self._passing.set()

    def cut(self) -> None:
        """Reset all connections, as a router does that forgot them."""
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader, writer) -> None:
        self._writers.add(writer)
        self._handlers.add(asyncio.current_task())
        self.arrived.set()
        await self._passing.wait()
        if self._server is None:
            writer.transport.abort()
            return
        if isinstance(self._address, str):
            there = await asyncio.open_unix_connection(self._address)
        else:
            there = await asyncio.open_connection(*self._address)
        self._writers.add(there[1])
        await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))

    async def _pump(self, reader, writer) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self.arrived.set()
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
