"""Three services at work on one pool, who know what every answer has to be."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from poolhouse.errors import PoolhouseError
from poolhouse.schema import SchemaManager
from tests.integration.moments import interrupt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine

    from poolhouse.pool import SharedPool
    from tests.chaos.pool_record import Record

SERVICES = ("orders", "payments", "users")
# How the name of a role ends while it is taken away, also for the sessions that have it.
AWAY = "_away"
WORKERS = 5
ACCOUNTS = 12
BALANCE = 1000
COPIED = 150
# An acknowledged transaction can be lost with a primary that is killed, when the standby has not got it yet.
REPLICATION_LAG = 1.0

ACQUIRE_TIMEOUT = 1.0
COMMAND_TIMEOUT = 1.5
CONNECT_TIMEOUT = 1.0
CALL_TIMEOUTS = (1.0, 1.25, 1.5)

_POINT = """
SELECT $1::text AS token, current_user::text AS role, coalesce(current_setting('campaign.mark', true), '') AS mark
"""
_SERIES = "SELECT $1::text AS token, number, repeat('x', 300) AS filling FROM generate_series(1, {count}) AS number"
_TAKE = "UPDATE {{tables.accounts}} SET balance = balance - $2 WHERE id = $1 RETURNING id, $3::text AS token"
_GIVE = "UPDATE {{tables.accounts}} SET balance = balance + $2 WHERE id = $1 RETURNING id, $3::text AS token"
_TRANSFER = "INSERT INTO {{tables.transfers}} (token, source, target, amount) VALUES ($1, $2, $3, $4)"
_WRONG_BALANCES = """
SELECT account.id, account.balance FROM {schema}.accounts AS account
WHERE account.balance <> {balance}
    + coalesce((SELECT sum(amount) FROM {schema}.transfers WHERE target = account.id), 0)
    - coalesce((SELECT sum(amount) FROM {schema}.transfers WHERE source = account.id), 0)
"""


async def prepare(connection: asyncpg.Connection[Any]) -> None:
    """Make the services' roles, schemas and accounts."""
    for service in SERVICES:
        await connection.execute(f"""
            CREATE ROLE svc_{service} NOLOGIN;
            CREATE SCHEMA {service};
            CREATE TABLE {service}.accounts (id int PRIMARY KEY, balance int NOT NULL);
            CREATE TABLE {service}.transfers (token text PRIMARY KEY, source int, target int, amount int);
            CREATE TABLE {service}.copied (token text, number int);
            INSERT INTO {service}.accounts SELECT id, {BALANCE} FROM generate_series(1, {ACCOUNTS}) AS id;
            GRANT USAGE ON SCHEMA {service} TO svc_{service};
            GRANT ALL ON ALL TABLES IN SCHEMA {service} TO svc_{service};
        """)


class Load:
    """Workers of all services; `async with` starts them, and lets them come to an end.

    They want more connections than there are, or, while the load `is_low`, fewer, so that some are idle.
    """

    is_low = False

    def __init__(self, pool: SharedPool, record: Record, *, seed: str, roles: dict[str, str]) -> None:
        self.acknowledged: dict[str, dict[str, float]] = defaultdict(dict)
        self.copied: dict[str, dict[str, float]] = defaultdict(dict)
        self._record = record
        self._ended = asyncio.Event()
        self._workers = [
            Worker(self, SchemaManager(pool, schema=service), record, f"{seed}/{service}/{number}", roles.get(service))
            for service in SERVICES
            for number in range(WORKERS)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(worker.work(self._ended)) for worker in self._workers]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended.set()
        _, stuck = await asyncio.wait(self._tasks, timeout=20)
        for task in stuck:
            self._record.violate(f"a worker never ended: {task.get_stack(limit=1)}")
            task.cancel()
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                self._record.violate(f"a worker failed: {task.exception()!r}")

    def lose(self, *, before: float) -> None:
        """Forget what was acknowledged so shortly before a primary was killed that its standby may not have it."""
        for journal in (*self.acknowledged.values(), *self.copied.values()):
            for token in [token for token, at in journal.items() if at > before - REPLICATION_LAG]:
                del journal[token]

    async def check(self, connection: asyncpg.Connection[Any]) -> None:
        """Hold the tables against what was acknowledged."""
        for service in SERVICES:
            wrong = await connection.fetch(_WRONG_BALANCES.format(schema=service, balance=BALANCE))
            self._record.expect(f"{service}'s balances", [dict(row) for row in wrong], [])
            kept = {row[0] for row in await connection.fetch(f"SELECT token FROM {service}.transfers")}
            self._record.expect(f"{service}'s lost transfers", sorted(self.acknowledged[service].keys() - kept), [])
            rows = await connection.fetch(f"SELECT token, count(*), sum(number) FROM {service}.copied GROUP BY token")
            torn = [row["token"] for row in rows if row["count"] != COPIED]
            self._record.expect(f"{service}'s torn copies", torn, [])
            lost = self.copied[service].keys() - {row["token"] for row in rows}
            self._record.expect(f"{service}'s lost copies", sorted(lost), [])


class Worker:
    """One task of a service, which does one operation after another."""

    def __init__(self, load: Load, db: SchemaManager, record: Record, seed: str, role: str | None) -> None:
        self._load = load
        self._db = db
        self._record = record
        self._chance = Random(seed)
        self._role = role
        self._name = seed.partition("/")[2]
        self._number = 0
        self._token = ""

    async def work(self, ended: asyncio.Event) -> None:
        """Do operations at random until it is enough."""
        operations: dict[Callable[[], Awaitable[None]], int] = {
            self.point_read: 30,
            self.transfer: 12,
            self.serializable_transfer: 4,
            self.cursor: 6,
            self.large_result: 5,
            self.copy_in: 4,
            self.copy_out: 4,
            self.several_statements: 8,
            self.too_slow: 1,
            self.too_slow_for_the_caller: 1,
            self.cancelled: 12,
            self.cancelled_in_transaction: 10,
        }
        while not ended.is_set():
            (operation,) = self._chance.choices([*operations], [*operations.values()])
            self._number += 1
            self._token = f"{self._name}/{self._number}"
            self._record.operations[operation.__name__] += 1
            try:
                await operation()
            except PoolhouseError as error:
                self._record.error(operation.__name__, error, self._token)
                # Those who would do the same at once again would do nothing else while connections are refused.
                await asyncio.sleep(0.01)
            except Exception as error:  # noqa: BLE001 - whatever it is, it counts
                self._record.error(operation.__name__, error, self._token)
                await asyncio.sleep(0.01)
            await asyncio.sleep(self._chance.uniform(0, 0.2 if self._load.is_low else 0.01))

    async def _timed(self, what: str, limit: float, work: Awaitable[Any]) -> Any:
        begun = time.monotonic()
        try:
            return await work
        finally:
            self._record.waited(what, limit, begun)

    def _limit(self) -> float:
        return self._chance.choice(CALL_TIMEOUTS)

    def _check_point(self, row: Any, *, mark: str = "") -> None:
        role = row["role"] if self._role is None else self._role
        if row["role"] == f"{role}{AWAY}" and self._record.fault == "role_taken_away":
            role = row["role"]
        self._record.expect("point read", tuple(row), (self._token, role, mark))

    async def point_read(self) -> None:
        limit = self._limit()
        row = await self._timed("point_read", limit, self._db.fetchrow(_POINT, self._token, timeout=limit))
        self._check_point(row)

    async def large_result(self) -> None:
        limit, count = self._limit(), self._chance.randrange(20, 400)
        query = _SERIES.format(count=count)
        rows = await self._timed("large_result", limit, self._db.fetch(query, self._token, timeout=limit))
        found = [(row["token"], row["number"]) for row in rows]
        self._record.expect("large result", found, [(self._token, number) for number in range(1, count + 1)])

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[Any]:
        begun, left = time.monotonic(), 0.0
        try:
            async with self._db.transaction() as connection:
                self._record.waited("begin", ACQUIRE_TIMEOUT + COMMAND_TIMEOUT, begun)
                try:
                    yield connection
                finally:
                    left = time.monotonic()
        except BaseException:
            if not left:
                self._record.waited("begin", ACQUIRE_TIMEOUT + COMMAND_TIMEOUT, begun)
            raise
        finally:
            if left:
                self._record.waited("commit or rollback", COMMAND_TIMEOUT, left)

    async def transfer(self) -> None:
        async with self._transaction() as connection:
            await self._move(connection)
        self._load.acknowledged[self._db.schema][self._token] = time.monotonic()

    async def serializable_transfer(self) -> None:
        async for attempt in self._db.transaction(isolation="serializable", retries=3):
            async with attempt as connection:
                await self._move(connection)
        self._load.acknowledged[self._db.schema][self._token] = time.monotonic()

    async def _move(self, connection: Any) -> None:
        source, target = self._chance.sample(range(1, ACCOUNTS + 1), 2)
        amount, limit = self._chance.randrange(1, 50), self._limit()
        steps = [(_TAKE, source), (_GIVE, target)]
        # Mostly in one order, so that there are deadlocks, but few.
        if self._chance.random() < 0.9:
            steps.sort(key=lambda step: step[1])
        db = self._chance.choice([connection, self._db])
        for query, account in steps:
            work = db.fetchrow(query, account, amount, self._token, timeout=limit)
            row = await self._timed("transfer", limit, work)
            self._record.expect("update", tuple(row), (account, self._token))
        work = db.execute(_TRANSFER, self._token, source, target, amount, timeout=limit)
        self._record.expect("insert", await self._timed("transfer", limit, work), "INSERT 0 1")

    async def cursor(self) -> None:
        count, number = self._chance.randrange(10, 80), 0
        async with self._transaction() as connection:
            rows = connection.cursor(_SERIES.format(count=count), self._token, prefetch=10, timeout=COMMAND_TIMEOUT)
            async for row in rows:
                number += 1
                self._record.expect("cursor", (row["token"], row["number"]), (self._token, number))
        self._record.expect("cursor's rows", number, count)

    async def copy_in(self) -> None:
        limit = self._limit()
        records = [(self._token, number) for number in range(COPIED)]
        work = self._db.copy_records_to_table("copied", records=records, timeout=limit)
        self._record.expect("copy", await self._timed("copy_in", limit, work), f"COPY {COPIED}")
        self._load.copied[self._db.schema][self._token] = time.monotonic()

    async def copy_out(self) -> None:
        limit, pieces = self._limit(), []

        async def write(data: bytes) -> None:
            pieces.append(data)

        query = _SERIES.format(count=COPIED)
        work = self._db.copy_from_query(query, self._token, output=write, timeout=limit)
        await self._timed("copy_out", limit, work)
        lines = [line.split("\t")[:2] for line in b"".join(pieces).decode().splitlines()]
        self._record.expect("copy out", lines, [[self._token, f"{number}"] for number in range(1, COPIED + 1)])

    async def several_statements(self) -> None:
        begun, limit = time.monotonic(), self._limit()
        try:
            holding = await self._db.acquire(timeout=limit)
        finally:
            self._record.waited("acquire", limit, begun)
        try:
            self._check_point(await holding.fetchrow(_POINT, self._token, timeout=limit))
            await holding.execute("SELECT set_config('campaign.mark', $1, false)", self._token, timeout=limit)
            self._check_point(await holding.fetchrow(_POINT, self._token, timeout=limit), mark=self._token)
            if self._chance.random() < 0.2:
                # What the driver's own connection raises is the driver's.
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await holding.raw.execute("RESET ROLE; SET campaign.mark = 'raw'", timeout=limit)
        finally:
            await self._timed("release", CONNECT_TIMEOUT, self._db.release(holding))

    async def too_slow(self) -> None:
        limit = self._limit()
        await self._timed("too_slow", limit, self._db.execute("SELECT pg_sleep(20)", timeout=limit))
        self._record.violate("a statement of 20 s had time")

    async def too_slow_for_the_caller(self) -> None:
        limit, begun = self._limit(), time.monotonic()
        try:
            async with asyncio.timeout(limit):
                await self._db.execute("SELECT pg_sleep(20)")
        except TimeoutError:
            pass
        finally:
            self._record.waited("too_slow_for_the_caller", limit, begun)

    async def _cancel(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Cancel `work` at one of its first awaits, where most happens, or at some time later."""
        if self._chance.random() < 0.6:
            _, outcome = await interrupt(work, at=self._chance.randint(1, 8))
            if isinstance(outcome, asyncio.CancelledError):
                return None
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        task = asyncio.create_task(work)
        await asyncio.wait([task], timeout=self._chance.choice([0.001, 0.005, 0.02, 0.2]))
        begun = time.monotonic()
        task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return None
        finally:
            self._record.waited("cancelled", CONNECT_TIMEOUT, begun)

    async def cancelled(self) -> None:
        pause = self._chance.choice([0, 0.002, 0.02])
        query = f"{_POINT} FROM pg_sleep({pause})"
        row = await self._cancel(self._db.fetchrow(query, self._token))
        if row is not None:
            self._check_point(row)

    async def cancelled_in_transaction(self) -> None:
        await self._cancel(self.transfer())
