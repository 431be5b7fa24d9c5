"""What goes wrong in the nearest peer apart from migrations, each fault by its number in the list of its faults.

18  names pass validation and then fail, and `"svc\\n"` passes: unit test_identifiers; property test_identifiers;
    schema test_manager, every legal name works as a schema
19  a manager's schema can be set, and then another schema is dropped: schema test_manager, nothing of a manager can
    be set
20  placeholders are replaced in literals, comments and bodies, and a mistyped one reaches the server: property
    test_template; schema test_manager, a placeholder that is not right is refused …
21  a service reads and drops another's tables, roles and temporary tables leak: roles test_rights, test_services;
    isolation test_ways, test_interleavings
22  exhaustion waits for ever, statistics hang with it, a nested acquire deadlocks itself: below; test_deadlines;
    test_turns, … self-deadlock …
23  a service starves another: test_turns, a busy service does not hold up another; property test_sharing
24  errors come in five families, and without SQLSTATE: below
25  a restart under load gives three kinds of error, and misleads in a transaction: below; test_faults
26  a wrong password is tried three times, and the wrong host is named: test_opening, a wrong password is refused at
    once, something that is no postgresql is named …
27  typing errors in settings, and min above max, are accepted: unit test_application_settings, test_database_settings
28  passwords show in reprs and errors, parameters in errors: below; unit test_address, test_application_settings;
    schema test_no_values
29  monitoring misses half of the calls: below; test_events
30  a hundred rows cost 1.7 times as much as with the driver, since rows become dicts: below; the benchmarks
"""

from __future__ import annotations

import asyncio
import io
import uuid

import asyncpg
import pytest

from poolhouse import errors
from poolhouse.errors import ConnectionLostError, DatabaseError, PoolExhaustedError, PoolhouseError
from poolhouse.pool import Acquired
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.integration.moments import hold_elsewhere, until


@pytest.fixture
async def schema(postgres):
    """A schema of its own, with a table, dropped after the test."""
    name = f"s{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(
        f"CREATE SCHEMA {name}; CREATE TABLE {name}.items (id int PRIMARY KEY, name text NOT NULL DEFAULT 'thing')"
    )
    yield name
    await connection.execute(f"DROP SCHEMA {name} CASCADE")
    await connection.close()


# 22
def test_a_wait_for_a_connection_ends_though_nobody_said_so():
    assert DatabaseSettings(dsn="postgresql://localhost/shop").acquire_timeout == 5.0


async def test_the_statistics_of_an_exhausted_pool_are_told_at_once(open_pool):
    pool = await open_pool(max_size=1)
    async with pool.lease("users"):
        waiting = asyncio.create_task(pool.acquire("orders"))
        await until(lambda: pool.statistics().waiting == 1)

        assert pool.statistics().in_use == 1

    await pool.release(await waiting)


async def test_an_exhausted_pool_is_whole_once_its_holders_are_through(open_pool):
    pool = await open_pool(max_size=2)
    held = [await hold_elsewhere(pool.acquire("users")) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(asyncio.create_task(pool.acquire(service, timeout=0.02)) for service in "abcde"), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {PoolExhaustedError}

    for use in held:
        await pool.release(use)

    await pool.check()
    assert (pool.statistics().in_use, pool.statistics().waiting) == (0, 0)


# 24
FAILURES = {
    "23505": ("INSERT INTO {{tables.items}} VALUES (1), (1)", errors.UniqueViolationError),
    "23502": ("INSERT INTO {{tables.items}} VALUES (1, NULL)", errors.NotNullViolationError),
    "22012": ("SELECT 1 / 0", errors.DataError),
    "42601": ("SELEC 1", DatabaseError),
    "42P01": ("SELECT * FROM {{tables.missing}}", DatabaseError),
    "25006": ("SET TRANSACTION READ ONLY; INSERT INTO {{tables.items}} VALUES (1)", errors.ReadOnlyError),
    "40001": ("DO $$ BEGIN RAISE 'x' USING ERRCODE = '40001'; END $$", errors.TransactionRollbackError),
    "40P01": ("DO $$ BEGIN RAISE 'x' USING ERRCODE = '40P01'; END $$", errors.TransactionRollbackError),
    "55P03": ("DO $$ BEGIN RAISE 'x' USING ERRCODE = '55P03'; END $$", errors.LockNotAvailableError),
    "57014": ("SET statement_timeout = 1; SELECT pg_sleep(60)", errors.QueryTimeoutError),
    "57P01": ("SELECT pg_terminate_backend(pg_backend_pid())", ConnectionLostError),
}


async def alone(db, query):
    await db.execute(query)


async def in_a_transaction(db, query):
    async with db.transaction():
        await db.execute(query)


async def on_a_held_connection(db, query):
    async with db.acquire() as connection:
        await connection.execute(query)


@pytest.mark.parametrize("way", [alone, in_a_transaction, on_a_held_connection])
async def test_every_error_is_of_one_family_and_has_its_sqlstate(open_pool, schema, way):
    pool = await open_pool()
    db = SchemaManager(pool, schema=schema)
    for sqlstate, (query, kind) in FAILURES.items():
        with pytest.raises(DatabaseError) as caught:
            await way(db, query)

        error = caught.value
        assert (type(error), error.sqlstate, error.service) == (kind, sqlstate, schema), query
        assert error.retryable == (sqlstate in {"40001", "40P01", "55P03", "57P01"}), query
        # The driver's own, which is of another family, is not what a caller finds behind it.
        assert error.__cause__ is None
    await until(lambda: not pool.statistics().in_use)
    await pool.check()


async def test_what_the_driver_refuses_is_of_the_family_too(open_pool):
    pool = await open_pool()
    db = SchemaManager(pool, schema="users")
    for query, arguments in [("SELECT $1::int", ["x"]), ("SELECT $1::int", []), ("SELECT 1", [1])]:
        with pytest.raises(PoolhouseError):
            await db.fetchval(query, *arguments)


# 25
async def test_an_end_of_all_connections_under_load_is_one_kind_of_error_and_passes_by_itself(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3)
    dbs = [SchemaManager(pool, schema=service) for service in ("users", "orders", "payments")]
    failed, done = [], asyncio.Event()

    async def work(db, *, in_transaction):
        while not done.is_set():
            try:
                if in_transaction:
                    async with db.transaction():
                        await db.execute("SELECT pg_sleep(0.001)")
                else:
                    await db.execute("SELECT pg_sleep(0.001)")
            except PoolhouseError as error:
                failed.append(error)

    working = [asyncio.create_task(work(db, in_transaction=each)) for db in dbs for each in (False, True)]
    for _ in range(3):
        await until(lambda: pool.statistics().in_use == 3)
        for pid in await observer.pids():
            await observer.end(pid)
    done.set()
    await asyncio.gather(*working)

    assert failed
    assert {type(error) for error in failed} == {ConnectionLostError}
    assert all(error.retryable for error in failed)
    assert await asyncio.gather(*(db.fetchval("SELECT 1") for db in dbs)) == [1, 1, 1]
    assert pool.statistics().in_use == 0


async def test_a_transaction_whose_connection_ends_says_that_and_nothing_else(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    db = SchemaManager(pool, schema="users")

    async def lose(*, first):
        async with db.transaction() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await observer.end(pid)
            if first == "statement":
                await connection.execute("SELECT 1")

    for first in ("statement", "commit"):
        with pytest.raises(ConnectionLostError, match=r"service 'users': .*connection.*(lost|ended)") as caught:
            await lose(first=first)
        assert caught.value.retryable
        assert "transaction" not in caught.value.fact


# 28
async def test_no_password_shows_in_what_the_pool_says_of_itself(open_pool, postgres):
    pool = await open_pool(dsn=postgres.replace("postgres@", "postgres:sesame@", 1), max_size=1)
    db = SchemaManager(pool, schema="users")
    shown = [repr(pool), repr(pool.settings), str(pool.settings), pool.address, repr(pool.dsn), repr(db)]
    async with pool.lease("users") as use:
        shown += [repr(use), repr(pool.statistics())]
        with pytest.raises(PoolhouseError) as caught:
            await hold_elsewhere(pool.acquire("orders", timeout=0.01))
        shown += [str(caught.value), repr(caught.value)]

    assert "postgres:sesame@" in pool.dsn.get_secret_value()
    assert not [text for text in shown if "sesame" in text]


# 29
async def nowhere(_):
    pass


async def by_cursor(db):
    async with db.transaction() as connection:
        assert [row async for row in connection.cursor("SELECT 1")] == [(1,)]


async def listening(db):
    async with db.listen("anything"):
        pass


WORDS = {
    "execute": lambda db: db.execute("SELECT 1"),
    "executemany": lambda db: db.executemany("INSERT INTO {{tables.items}} VALUES ($1)", [(1,)]),
    "fetch": lambda db: db.fetch("SELECT 1"),
    "fetchrow": lambda db: db.fetchrow("SELECT 1"),
    "fetchval": lambda db: db.fetchval("SELECT 1"),
    "fetchmany": lambda db: db.fetchmany("INSERT INTO {{tables.items}} VALUES ($1) RETURNING id", [(2,)]),
    "copy_records_to_table": lambda db: db.copy_records_to_table("items", records=[(3,)], columns=["id"]),
    "copy_to_table": lambda db: db.copy_to_table("items", source=io.BytesIO(b"4\n"), columns=["id"]),
    "copy_from_table": lambda db: db.copy_from_table("items", output=nowhere),
    "copy_from_query": lambda db: db.copy_from_query("SELECT 1", output=nowhere),
    "cursor": by_cursor,
    "listen": listening,
}


@pytest.mark.parametrize("is_watched", [False, True], ids=["by the shortest way", "watched"])
async def test_every_call_is_counted_and_told(open_pool, schema, is_watched):
    pool = await open_pool()
    db = SchemaManager(pool, schema=schema)
    told = []
    if is_watched:
        pool.subscribe(Acquired, told.append)

    for word in WORDS.values():
        await word(db)

    assert pool.statistics().services[schema].acquired == len(WORDS)
    assert len(told) == (len(WORDS) if is_watched else 0)


# 30
async def test_rows_are_the_drivers_own(open_pool):
    pool = await open_pool()
    db = SchemaManager(pool, schema="users")

    rows = await db.fetch("SELECT generate_series(1, 100) AS number")

    assert {type(row) for row in rows} == {asyncpg.Record}
