"""A way to a real server on which everything can go wrong that goes wrong on networks.

What a fault hits is chosen at one moment, or by what passes: a `Trap` waits for it.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Address = str | tuple[str, int]

_CHUNK = 65536
# So many bytes of a piece of data are dribbled one by one; all of them would keep the loop busy and prove no more.
_HEAD = 200
_LINGER_NOT = struct.pack("ii", 1, 0)


class Way(enum.Enum):
    """The directions, seen from the application."""

    UP = "up"
    DOWN = "down"


BOTH = (Way.UP, Way.DOWN)


class Link:
    """One connection through the proxy; `is_busy` says that the server owes an answer."""

    is_forgotten = False

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter | None = None) -> None:
        self.client = client
        self.server = server
        self.is_busy = False
        self.is_over = False
        self.passed = {Way.UP: 0, Way.DOWN: 0}
        self._open = {way: asyncio.Event() for way in Way}
        for way in Way:
            self._open[way].set()

    def reset(self) -> None:
        """Send RST both ways, losing what was under way."""
        self.is_over = True
        for writer in self._writers():
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.family != socket.AF_UNIX:
                with suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            writer.transport.abort()
        self.let_pass()

    def finish(self) -> None:
        """Send FIN both ways, after what was under way."""
        self.is_over = True
        for writer in self._writers():
            writer.close()
        self.let_pass()

    def forget(self) -> None:
        """Be a router that dropped the connection: the server learns of it, the application hears nothing ever."""
        self.is_forgotten = True
        if self.server is not None:
            self.server.transport.abort()
        self.let_pass()

    def hold(self, ways: Iterable[Way] = BOTH) -> None:
        """Be a black hole: what is sent arrives when the hold ends, or never."""
        for way in ways:
            self._open[way].clear()

    def let_pass(self) -> None:
        for event in self._open.values():
            event.set()

    @property
    def is_held(self) -> bool:
        return not all(event.is_set() for event in self._open.values())

    async def passes(self, way: Way) -> None:
        await self._open[way].wait()

    def writer(self, way: Way) -> asyncio.StreamWriter:
        assert self.server is not None
        return self.server if way is Way.UP else self.client

    def _writers(self) -> list[asyncio.StreamWriter]:
        return [writer for writer in (self.client, self.server) if writer is not None]


@dataclass(slots=True, eq=False)
class Trap:
    """Springs on one of the next pieces of data: `act` is called with the link when `letting` bytes of it passed.

    The piece is one that holds one of the `words` (any at all when there are none), or, `on_answer`, the first of the
    answer to it. `skip` pieces that would do are let go.
    """

    act: Callable[[Link], None]
    way: Way = Way.UP
    words: tuple[bytes, ...] = ()
    letting: int = 0
    skip: int = 0
    on_answer: bool = False
    is_of_new_links: bool = False
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    _victim: Link | None = None

    def catches(self, link: Link, way: Way, data: bytes) -> bool:
        if self._victim is not None:
            return link is self._victim and way is Way.DOWN
        if way is not self.way or (self.words and not any(word in data for word in self.words)):
            return False
        if self.is_of_new_links and link.passed[Way.DOWN]:
            return False
        self.skip -= 1
        if self.skip >= 0:
            return False
        if self.on_answer:
            self._victim = link
            return False
        return True


class FaultProxy:
    """Forwards a port on the loopback to a server at `address`, which may be changed, faults and all."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.port = 0
        self.links: set[Link] = set()
        self.traps: list[Trap] = []
        self.delay = 0.0
        self.is_dribbling = False
        self.is_rejecting = False
        self.is_swallowing = False
        self.accepted = 0
        self.arrived = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        self.heal()
        for link in [*self.links]:
            link.reset()
        # Not cancelled: asyncio reports a handler of a connection that was.
        await asyncio.gather(*self._handlers)

    async def listen(self) -> None:
        """Accept connections, again on the port of the first time."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Have the system refuse connections; those that stand stay."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def heal(self) -> None:
        """Take all faults away that are not done yet, other than a refusal."""
        self.delay, self.is_dribbling, self.is_rejecting, self.is_swallowing = 0.0, False, False, False
        self.traps.clear()
        for link in self.links:
            link.let_pass()

    def trap(self, trap: Trap) -> Trap:
        self.traps.append(trap)
        return trap

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        self.accepted += 1
        link = Link(writer)
        self.links.add(link)
        self.arrived.set()
        try:
            await self._serve(link, reader)
        finally:
            self.links.discard(link)

    async def _serve(self, link: Link, reader: asyncio.StreamReader) -> None:
        if self.is_swallowing:
            link.hold()
        if self.is_rejecting:
            link.reset()
            return
        await link.passes(Way.UP)
        if link.is_over:
            return
        try:
            there, link.server = await self._connect()
        except OSError:
            link.reset()
            return
        if link.is_over:
            link.reset()
            return
        await asyncio.gather(self._pump(link, Way.UP, reader), self._pump(link, Way.DOWN, there))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.address, str):
            return await asyncio.open_unix_connection(self.address)
        return await asyncio.open_connection(*self.address)

    async def _pump(self, link: Link, way: Way, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                self.arrived.set()
                if link.is_forgotten:
                    continue
                # What arrives in a hold is looked at when it is let pass.
                await link.passes(way)
                link.is_busy = way is Way.UP or not _is_ready(data)
                data = self._spring(link, way, data)
                await self._pass_on(link, way, data)
        await link.passes(way)
        if link.is_forgotten and way is Way.DOWN:
            return
        # Nothing of a connection half closed is of use in PostgreSQL's protocol.
        for writer in (link.client, link.server):
            if writer is not None:
                writer.close()
        link.let_pass()

    def _spring(self, link: Link, way: Way, data: bytes) -> bytes:
        for trap in self.traps:
            if trap.catches(link, way, data):
                self.traps.remove(trap)
                if trap.letting and not link.is_over:
                    link.writer(way).write(data[: trap.letting])
                trap.act(link)
                trap.sprung.set()
                return data[trap.letting :]
        return data

    async def _pass_on(self, link: Link, way: Way, data: bytes) -> None:
        writer = link.writer(way)
        for piece in self._pieces(data):
            if self.delay:
                await asyncio.sleep(self.delay)
            await link.passes(way)
            if link.is_over or link.is_forgotten:
                return
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        link.passed[way] += len(data)

    def _pieces(self, data: bytes) -> list[bytes]:
        if not self.is_dribbling:
            return [data]
        head = data[:_HEAD]
        return [*(head[at : at + 1] for at in range(len(head))), data[_HEAD:]]


def _is_ready(data: bytes) -> bool:
    # ReadyForQuery is the last message of every answer: Z, its length, and the state of the transaction.
    return data[-6:-1] == b"Z\0\0\0\5"
