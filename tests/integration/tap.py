"""A way to a real server on which everything that the application says is written down."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple

import asyncpg

QUERY = b"Q"
SYNC = b"S"


class Message(NamedTuple):
    """A message of PostgreSQL's protocol: its type's letter, and the rest."""

    kind: bytes
    body: bytes

    @property
    def text(self) -> str:
        return self.body.rstrip(b"\0").decode()


class Tap:
    """Forwards a port on the loopback to a server; `said` is what the application sent since it was cleared."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._handlers: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.said: list[Message] = []
        self.port = 0

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def queries(self) -> list[str]:
        """What was sent as simple queries, and not as statements that the driver prepares."""
        return [message.text for message in self.said if message.kind == QUERY]

    def round_trips(self) -> int:
        """How often the server was waited for."""
        return sum(message.kind in {QUERY, SYNC} for message in self.said)

    async def open(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        self._address = connection._addr
        await connection.close()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._handlers)

    async def _accept(self, reader, writer) -> None:
        self._handlers.add(asyncio.current_task())
        if isinstance(self._address, str):
            there = await asyncio.open_unix_connection(self._address)
        else:
            there = await asyncio.open_connection(*self._address)
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._listen(reader, there[1]), self._forward(there[0], writer))

    async def _listen(self, reader, writer) -> None:
        kind = b""  # what comes first has none
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                length = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(length) - 4)
                self.said.append(Message(kind, body))
                writer.write(kind + length + body)
                kind = await reader.readexactly(1)
        writer.close()

    async def _forward(self, reader, writer) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
