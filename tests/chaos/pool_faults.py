"""Every fault that a pool has to live with, each from its beginning to its end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.chaos.pool_load import AWAY, SERVICES
from tests.integration.fault_proxy import BOTH, Link, Trap, Way

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    import asyncpg

    from tests.chaos.pool_load import Load
    from tests.chaos.pool_record import Record
    from tests.chaos.replicated_server import ReplicatedServer
    from tests.integration.fault_proxy import FaultProxy

HAND_OFF = (b"RESET ALL", b"SET ROLE", b"DISCARD")
COMMIT = (b"COMMIT",)
TRANSACTION = (b"BEGIN", b"ROLLBACK", b"SAVEPOINT")
CANCEL = (b"\0\0\0\x10\x04\xd2\x16\x2e",)
COPY = (b"COPY ",)
TRAP_PATIENCE = 0.6


class Faults:
    """Does one fault after another to the ways to a server, and to the server itself."""

    def __init__(
        self,
        server: ReplicatedServer,
        proxies: list[FaultProxy],
        load: Load,
        record: Record,
        chance: Random,
        *,
        application: str,
    ) -> None:
        self._server = server
        self._proxies = proxies
        self._load = load
        self._record = record
        self._chance = chance
        self._application = application
        self._is_without_standby = False
        self._down: FaultProxy | None = None
        self.kinds: dict[Callable[[], Awaitable[None]], int] = {
            self.reset_in_query: 5,
            self.reset_in_result: 5,
            self.finish_in_query: 4,
            self.finish_in_result: 4,
            self.reset_all: 3,
            self.short_black_hole: 3,
            self.long_black_hole: 2,
            self.black_hole_in_result: 2,
            self.forgotten_connections: 3,
            self.delay: 3,
            self.dribble: 3,
            self.refused_connections: 3,
            self.rejected_connections: 3,
            self.swallowed_connections: 2,
            self.cut_while_connecting: 5,
            self.cut_in_hand_off: 8,
            self.cut_in_commit: 4,
            self.cut_in_begin_or_rollback: 3,
            self.cut_in_copy: 3,
            self.cut_in_cancel: 3,
            self.terminated_backends: 6,
            self.cancelled_backends: 3,
            self.role_taken_away: 6,
            self.fast_restart: 2,
            self.immediate_restart: 2,
            self.failover: 2,
        }

    async def do(self, kind: Callable[[], Awaitable[None]]) -> None:
        """Do a fault, and end it."""
        try:
            await kind()
        finally:
            for proxy in self._proxies:
                proxy.heal()
                if proxy is not self._down:
                    await proxy.listen()

    async def mend(self) -> None:
        """Give the server a standby again, after a failover."""
        if self._is_without_standby:
            await self._server.renew_standby()
            self._is_without_standby, self._down = False, None
            for proxy in self._proxies:
                await proxy.listen()

    def _links(self) -> list[Link]:
        links = [link for proxy in self._proxies for link in proxy.links if not link.is_over]
        # Sets are in no order that a seed could repeat.
        return sorted(links, key=lambda link: link.client.get_extra_info("peername", ("", 0)))

    def _victims(self) -> list[Link]:
        links = self._links()
        busy = [link for link in links if link.is_busy]
        if busy and self._chance.random() < 0.7:
            links = busy
        return self._chance.sample(links, self._chance.randint(1, len(links))) if links else []

    async def _pass_time(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self._chance.uniform(shortest, longest))

    async def reset_in_query(self) -> None:
        for link in self._victims():
            link.reset()

    async def finish_in_query(self) -> None:
        for link in self._victims():
            link.finish()

    async def reset_all(self) -> None:
        for link in self._links():
            link.reset()

    async def reset_in_result(self) -> None:
        await self._trap(Trap(Link.reset, Way.DOWN, letting=self._chance.randint(1, 3000), skip=self._skip()))

    async def finish_in_result(self) -> None:
        await self._trap(Trap(Link.finish, Way.DOWN, letting=self._chance.randint(1, 3000), skip=self._skip()))

    async def black_hole_in_result(self) -> None:
        await self._trap(Trap(Link.hold, Way.DOWN, letting=self._chance.randint(1, 3000), skip=self._skip()))
        await self._leave_black_hole()

    def _skip(self) -> int:
        return self._chance.randint(0, 20)

    async def short_black_hole(self) -> None:
        await self._black_hole(0.05, 0.5)

    async def long_black_hole(self) -> None:
        # Longer than every limit of the load.
        await self._black_hole(1.6, 2.6)

    async def _black_hole(self, shortest: float, longest: float) -> None:
        ways = self._chance.choice([BOTH, (Way.UP,), (Way.DOWN,)])
        is_of_all = self._chance.random() < 0.6
        for link in self._links() if is_of_all else self._victims():
            link.hold(ways)
        for proxy in self._proxies:
            proxy.is_swallowing = is_of_all
        await self._pass_time(shortest, longest)
        await self._end_black_hole()

    async def _leave_black_hole(self) -> None:
        await self._pass_time(0, 1.6)
        await self._end_black_hole()

    async def _end_black_hole(self) -> None:
        if self._chance.random() < 0.5:
            for link in self._links():
                if link.is_held:
                    self._chance.choice([Link.reset, Link.finish, Link.forget])(link)

    async def forgotten_connections(self) -> None:
        for link in self._victims():
            link.forget()

    async def delay(self) -> None:
        for proxy in self._proxies:
            proxy.delay = self._chance.uniform(0.002, 0.08)
        await self._pass_time(0.1, 0.6)

    async def dribble(self) -> None:
        for proxy in self._proxies:
            proxy.is_dribbling = True
        for link in self._victims()[:2]:
            link.reset()
        await self._pass_time(0.1, 0.5)

    async def refused_connections(self) -> None:
        for proxy in self._proxies:
            await proxy.refuse()
        await self._without_some()

    async def rejected_connections(self) -> None:
        for proxy in self._proxies:
            proxy.is_rejecting = True
        await self._without_some()

    async def swallowed_connections(self) -> None:
        for proxy in self._proxies:
            proxy.is_swallowing = True
        await self._without_some()

    async def _without_some(self) -> None:
        for link in self._victims():
            link.reset()
        await self._pass_time(0.05, self._chance.choice([0.3, 1.4]))

    async def cut_while_connecting(self) -> None:
        traps = [self._cut_new() for _ in range(self._chance.randint(1, 4))]
        for link in self._victims():
            link.reset()
        await self._trap(*traps)
        await self._leave_black_hole()

    def _cut_new(self) -> Trap:
        way = self._chance.choice([Way.UP, Way.DOWN])
        letting = self._chance.randint(0, 60 if way is Way.UP else 420)
        return Trap(self._act(), way, letting=letting, is_of_new_links=True)

    def _act(self) -> Callable[[Link], None]:
        return self._chance.choice([Link.reset, Link.finish, Link.hold, Link.forget])

    async def cut_in_hand_off(self) -> None:
        await self._cut(HAND_OFF)

    async def cut_in_commit(self) -> None:
        await self._cut(COMMIT)

    async def cut_in_begin_or_rollback(self) -> None:
        await self._cut(TRANSACTION)

    async def cut_in_copy(self) -> None:
        await self._cut(COPY)

    async def cut_in_cancel(self) -> None:
        await self._cut(CANCEL)

    async def _cut(self, words: tuple[bytes, ...]) -> None:
        """Cut before such a message, within it, or within the answer to it."""
        traps = []
        for _ in range(self._chance.randint(1, 3)):
            letting = self._chance.choice([0, self._chance.randint(1, 40)])
            skip, is_answer = self._chance.randint(0, 6), self._chance.random() < 0.5
            traps.append(Trap(self._act(), words=words, letting=letting, skip=skip, on_answer=is_answer))
        await self._trap(*traps)
        await self._leave_black_hole()

    async def _trap(self, *traps: Trap) -> None:
        for number, trap in enumerate(traps):
            self._proxies[number % len(self._proxies)].trap(trap)
        with suppress(TimeoutError):
            async with asyncio.timeout(TRAP_PATIENCE):
                await asyncio.gather(*(trap.sprung.wait() for trap in traps))
        if not any(trap.sprung.is_set() for trap in traps):
            self._record.unsprung[self._record.fault] += 1

    async def terminated_backends(self) -> None:
        await self._signal("pg_terminate_backend")

    async def cancelled_backends(self) -> None:
        await self._signal("pg_cancel_backend")

    async def _signal(self, function: str) -> None:
        sessions = "pg_stat_activity WHERE starts_with(application_name, $1)"
        query = f"SELECT {function}(pid) FROM {sessions} ORDER BY random() LIMIT $2"
        connection: asyncpg.Connection[Any] = await self._server.connect()
        try:
            await connection.execute(query, self._application, self._chance.randint(1, 6))
        finally:
            await connection.close()

    async def role_taken_away(self) -> None:
        """Let a service be without its role for a while; sessions that have it go on, and nobody else notices."""
        role = f"svc_{self._chance.choice(SERVICES)}"
        connection: asyncpg.Connection[Any] = await self._server.connect()
        try:
            await connection.execute(f"ALTER ROLE {role} RENAME TO {role}{AWAY}")
            await self._pass_time(0.05, 0.6)
            await connection.execute(f"ALTER ROLE {role}{AWAY} RENAME TO {role}")
        finally:
            await connection.close()

    async def fast_restart(self) -> None:
        await self._server.restart("fast")

    async def immediate_restart(self) -> None:
        await self._server.restart("immediate")

    async def failover(self) -> None:
        mode = self._chance.choice(["fast", "immediate"])
        killed, stopped = time.monotonic(), self._server.primary
        await self._server.fail_over(mode)
        self._is_without_standby = True
        if mode == "immediate":
            self._load.lose(before=killed)
        if len(self._proxies) == 1:
            self._proxies[0].address = self._server.primary.address
            return
        # Nobody listens where a server was stopped. (asyncpg 0.32 tries the next host only when one refuses.)
        (self._down,) = (proxy for proxy in self._proxies if proxy.address == stopped.address)
        await self._down.refuse()
