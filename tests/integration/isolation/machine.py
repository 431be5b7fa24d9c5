"""Services that use a pool as they like, and what must hold after each of their steps."""

from __future__ import annotations

import asyncio
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from poolhouse.errors import ConnectionLostError, PoolExhaustedError, PoolhouseError
from poolhouse.schema import SchemaManager
from tests.integration.isolation.fingerprint import FINGERPRINT
from tests.integration.isolation.ground import ACTOR, OTHER
from tests.integration.moments import interrupt, until

if TYPE_CHECKING:
    from collections import Counter

    from tests.integration.isolation.ground import Ground

SERVICES = [ACTOR, OTHER, "gamma"]  # the last one never has a role

LOOK = f"SELECT pg_catalog.pg_backend_pid() AS pid, ({FINGERPRINT}) AS lines"
CLEAN = [
    "SELECT 1",
    "INSERT INTO public.notes VALUES ({n})",
    "WITH a AS (DELETE FROM public.notes RETURNING *) SELECT count(*) FROM a",
    "SELECT 1 / ({n} % 2)",
    "SELECT set_config('work_mem', '5MB', true)",
    "NOTIFY c{n}",
]
DIRTY = [
    "SET work_mem = '{n}MB'",
    "SET alpha.guest = 'eve'; SET TIME ZONE 'Asia/Tokyo'; SET search_path = alpha",
    "SET default_transaction_read_only = on",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    'SET ROLE "{other}"',
    'SET SESSION AUTHORIZATION "{actor}"; SET ROLE "{other}"',
    "RESET ROLE",
    "SET statement_timeout = '1ms'",
    "SELECT pg_advisory_lock({n}), set_config('jit', 'off', false)",
    "CREATE TEMP TABLE t{n} AS SELECT 1 AS a",
    "LISTEN c{n}",
    "DECLARE c{n} CURSOR WITH HOLD FOR SELECT 1",
    'PREPARE "p;{n}" AS SELECT 1',
    "BEGIN; INSERT INTO public.notes VALUES ({n})",
    "BEGIN; SELECT pg_advisory_lock({n}); SELECT 1 / 0",
    "DO $$ BEGIN EXECUTE 'PREPARE p AS SELECT 1'; PERFORM set_config('jit', 'off', false); END $$",
]
BEHIND = [
    "SELECT public.run('SET work_mem = ''{n}MB''')",
    "SELECT public.run('SET ROLE \"{other}\"')",
    "SELECT public.run('SELECT pg_advisory_lock({n})')",
    "SELECT public.run('CREATE TEMP TABLE t{n} (a int)')",
    "SELECT public.run('LISTEN c{n}'), public.run('PREPARE p{n} AS SELECT 1')",
]
SPOILT = ["LOAD 'auto_explain'", "DISCARD ALL", "DEALLOCATE ALL"]
# The server overlooks a cancellation that arrives before the statement, and goes on with it for nobody; not for long.
SLEEPING = [
    "SELECT pg_sleep(1)",
    "SET work_mem = '{n}MB'; SELECT pg_sleep(1)",
    "SELECT public.run('SELECT pg_sleep(1)')",
]
DEEDS = [*CLEAN, *DIRTY, *DIRTY, *BEHIND, *SPOILT, *SLEEPING]
# What the driver's own connection raises, whose backend may be ended under it.
OF_THE_DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError, OSError)
MANNERS = ["once", "once", "held", "transaction", "failing transaction", "raw", "ended"]

GROUND_OF_MACHINE = """
CREATE TABLE IF NOT EXISTS public.notes (id int);
GRANT ALL ON public.notes TO public;
CREATE OR REPLACE FUNCTION public.run(statement text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE statement; END';
"""


@dataclass(frozen=True, slots=True)
class Action:
    """What a service does: a deed, in some manner, perhaps cancelled at one of its awaits."""

    service: str
    deed: str
    manner: str
    cancelled_at: int | None


ACTIONS = st.builds(
    Action,
    st.sampled_from(SERVICES),
    st.sampled_from(DEEDS),
    st.sampled_from(MANNERS),
    st.sampled_from([None] * 12 + list(range(1, 13))),
)


class OwnError(Exception):
    """Of the service's own code."""


class PoolMachine(RuleBasedStateMachine):
    """A pool of one to three connections, three services, and an observer; `tally` counts what all of them do."""

    def __init__(self, ground: Ground, tally: Counter[str]) -> None:
        super().__init__()
        self.ground = ground
        self.tally = tally
        self.runner = asyncio.Runner()
        self.number = 0
        self.is_always = False
        # By process id, the service that changed the session in a way that its words do not tell.
        self.marks: dict[int, str] = {}
        self.faults: list[str] = []

    @initialize(size=st.integers(1, 3), has_roles=st.booleans(), is_always=st.booleans())
    def open(self, *, size: int, has_roles: bool, is_always: bool) -> None:
        self.runner.run(self._open(size, has_roles=has_roles, is_always=is_always))

    async def _open(self, size: int, *, has_roles: bool, is_always: bool) -> None:
        self.is_always = is_always
        self.fresh = {service: await self.ground.fresh_session(service, has_roles=has_roles) for service in SERVICES}
        self.observer = await asyncpg.connect(self.ground.dsn)
        reset = "always" if is_always else "affine"
        self.pool = await self.ground.open(has_roles=has_roles, max_size=size, reset=reset)
        self.managers = {service: SchemaManager(self.pool, schema=service) for service in SERVICES}

    def teardown(self) -> None:
        if hasattr(self, "pool"):
            self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self.pool.close()
        try:
            await self._agree()
        finally:
            await self.observer.close()

    @rule(
        actions=st.lists(ACTIONS, min_size=2, max_size=5),
        fault=st.sampled_from([None] * 5 + ["end a backend", "resize"]),
        pick=st.integers(0, 2),
    )
    def act(self, *, actions: list[Action], fault: str | None, pick: int) -> None:
        self.runner.run(self._act(actions, fault, pick))

    async def _act(self, actions: list[Action], fault: str | None, pick: int) -> None:
        self.tally["interleavings"] += 1
        self.tally["uses"] += len(actions)
        works = [self._run(action) for action in actions]
        if fault == "end a backend":
            works.append(self._end_a_backend(pick))
        elif fault == "resize":
            self.tally["resizings"] += 1
            works.append(self.pool.resize(0, pick + 1))
        for outcome in await asyncio.gather(*works, return_exceptions=True):
            is_foreseen = isinstance(outcome, None | PoolhouseError | OwnError | asyncio.CancelledError)
            assert is_foreseen, "".join(traceback.format_exception(outcome))
        await self._check()

    async def _end_a_backend(self, pick: int) -> None:
        pids = await self._pids()
        if pids:
            self.tally["backends ended from outside"] += 1
            await self.observer.fetchval("SELECT pg_terminate_backend($1, 5000)", pids[pick % len(pids)])

    async def _run(self, action: Action) -> Any:
        work = self._do(action)
        if action.cancelled_at is None:
            return await work
        is_cancelled, outcome = await interrupt(work, at=action.cancelled_at)
        self.tally["cancellations"] += is_cancelled
        return outcome

    async def _do(self, action: Action) -> None:
        self.number += 1
        db = self.managers[action.service]
        sql = self.ground.fill(action.deed).replace("{n}", str(self.number))
        # Longer than a statement takes, but for those that sleep.
        timeout = 0.005 if action.deed in SLEEPING else 5.0
        match action.manner:
            case "once":
                await self._look(db)
                await self._once(db, action, sql, timeout)
            case "held":
                async with db.acquire() as connection:
                    await self._look(connection, action)
                    await connection.execute(sql, timeout=timeout)
            case "raw":
                async with db.acquire() as connection:
                    await self._look(connection)
                    with suppress(*OF_THE_DRIVER):
                        await connection.raw.execute(sql, timeout=timeout)
            case "ended":
                self.tally["backends ended by their user"] += 1
                async with db.acquire() as connection:
                    await self._look(connection)
                    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            case _:
                async with db.transaction() as connection:
                    await self._look(connection, action)
                    await connection.execute(sql, timeout=timeout)
                    if action.manner == "failing transaction":
                        raise OwnError

    async def _once(self, db: SchemaManager, action: Action, sql: str, timeout: float) -> None:
        if action.deed not in BEHIND:
            await db.execute(sql, timeout=timeout)
            return
        pid = await db.fetchval(sql.replace("SELECT ", "SELECT pg_backend_pid(), ", 1), timeout=timeout)
        self.marks[pid] = action.service

    async def _look(self, connection: Any, action: Action | None = None) -> None:
        """Find the session as it is to be found, and take down what will be done to it."""
        try:
            row = await connection.fetchrow(LOOK)
        except (ConnectionLostError, PoolExhaustedError):
            raise
        except PoolhouseError as error:
            self.faults.append(f"{connection.schema} cannot look: {error}")
            raise
        self._judge(connection.schema, row["pid"], set(row["lines"]))
        if action is not None and action.deed in BEHIND:
            self.marks[row["pid"]] = action.service

    def _judge(self, service: str, pid: int, seen: set[str]) -> None:
        if self.marks.get(pid) == service and not self.is_always:
            return
        self.marks.pop(pid, None)
        if seen != self.fresh[service]:
            self.faults.append(f"{service} on {pid} sees {sorted(seen ^ self.fresh[service])}")

    async def _pids(self) -> list[int]:
        query = """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND starts_with(application_name, 'isolation') ORDER BY backend_start
        """
        return [row["pid"] for row in await self.observer.fetch(query)]

    async def _check(self) -> None:
        assert self.faults == []
        await until(lambda: self.pool.statistics().in_use == 0)
        figures = self.pool.statistics()
        assert figures.waiting == 0
        assert figures.idle == figures.size <= figures.max_size
        assert figures.opened == figures.closed + figures.broken + figures.size
        await self._agree()
        if self.number % 2 == 0:
            await self._look_at_all(figures.max_size)

    async def _agree(self) -> None:
        """Return as soon as the server has the connections that the pool has."""
        deadline = time.monotonic() + 5
        while len(await self._pids()) != (self.pool.statistics().size if self.pool.is_open else 0):
            if time.monotonic() > deadline:
                rows = await self.observer.fetch("SELECT pid, state, query, now() - query_start FROM pg_stat_activity")
                raise AssertionError([tuple(row) for row in rows if row["pid"] in await self._pids()])
            await asyncio.sleep(0.001)

    async def _look_at_all(self, size: int) -> None:
        """Take all connections at once: they are different ones, and look as they should."""
        held = [await self.managers[SERVICES[number]].acquire() for number in range(size)]
        rows = [await connection.fetchrow(LOOK) for connection in held]
        assert len({row["pid"] for row in rows}) == size
        for connection, row in zip(held, rows, strict=True):
            self._judge(connection.schema, row["pid"], set(row["lines"]))
            await self.managers[connection.schema].release(connection)
        assert self.faults == []
