"""The pool behind PgBouncer: eight clients on two sessions, lent by transaction, and by session."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from contextlib import suppress

import asyncpg
import pytest

from poolhouse.errors import (
    DatabaseError,
    InFailedSqlTransactionError,
    InsufficientPrivilegeError,
    QueryTimeoutError,
    RoleError,
    UniqueViolationError,
    UsageError,
)
from poolhouse.pool import SharedPool, pooling
from poolhouse.pool.connecting import connect
from poolhouse.pool.pooling import LentConnection
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.integration.at_once import execute, run
from tests.integration.moments import interrupt, until
from tests.integration.pgbouncer import left_behind, nothing, pgbouncer, pgbouncer_version

SERVICES = ("users", "orders", "payments")
MARK = uuid.uuid4().hex[:8]
ROLES = {service: f'{service} "{MARK}' for service in SERVICES}
WHO = "SELECT current_user::text"

GROUND = """
CREATE ROLE {role}; CREATE SCHEMA {service}; GRANT ALL ON SCHEMA {service} TO {role};
CREATE TYPE {service}.mood AS ENUM ('sad', 'well');
CREATE TABLE {service}.items (id int PRIMARY KEY, name text, mood {service}.mood);
GRANT ALL ON {service}.items TO {role}
"""


def quoted(role):
    return '"{}"'.format(role.replace('"', '""'))


@pytest.fixture(scope="module")
def ground(new_database, postgres):
    """One database for the module, laid out for three services."""
    with new_database() as dsn:
        run(execute(dsn, *(GROUND.format(role=quoted(ROLES[each]), service=each) for each in SERVICES)))
        yield dsn
    run(execute(postgres, *(f"DROP ROLE {quoted(role)}" for role in ROLES.values())))


@pytest.fixture(scope="module")
def lending(ground):
    """The DSN of a PgBouncer that lends two sessions by transaction."""
    with pgbouncer(ground, mode="transaction") as dsn:
        yield dsn


@pytest.fixture(scope="module")
def by_session(ground):
    """The DSN of a PgBouncer that lends eight sessions, each to one client."""
    with pgbouncer(ground, mode="session", size=8) as dsn:
        yield dsn


@pytest.fixture
async def open_pool():
    pools = []

    async def build(dsn, *, roles=ROLES, **changes):
        waits = {"startup_timeout": 5.0, "drain_timeout": 2.0}
        settings = {"dsn": dsn, "min_size": 1, "max_size": 8, **waits, **changes}
        pool = SharedPool(DatabaseSettings.model_validate(settings))
        pools.append(pool)
        await pool.open()
        pool.set_roles(roles)
        return pool

    yield build
    for pool in pools:
        await until(lambda pool=pool: pool.statistics().in_use == 0)
        await pool.close()


@pytest.fixture
async def pool(open_pool, lending):
    return await open_pool(lending)


@pytest.fixture
async def users(pool):
    return SchemaManager(pool, schema="users")


@pytest.fixture
async def orders(pool):
    return SchemaManager(pool, schema="orders")


@pytest.fixture
async def competitor(lending):
    """Another client of the pooler, which may have a session of its own for a while."""
    connection = await asyncpg.connect(lending, statement_cache_size=0)
    yield connection
    await connection.close()


@pytest.fixture
async def admin(ground):
    """A connection past the pooler."""
    connection = await asyncpg.connect(ground)
    await connection.execute("TRUNCATE users.items, orders.items, payments.items")
    yield connection
    await connection.close()


async def is_clean(dsn):
    assert await left_behind(dsn) == [nothing(), nothing()]


@pytest.mark.parametrize("changes", [{}, {"pooler": "transaction"}], ids=["detect", "transaction"])
@pytest.mark.parametrize("roles", [ROLES, {}], ids=["roles", "none"])
async def test_each_use_speaks_for_its_service_and_leaves_nothing(open_pool, lending, roles, changes):
    pool = await open_pool(lending, roles=roles, **changes)
    for service in (*SERVICES, *SERVICES):
        db = SchemaManager(pool, schema=service)
        role = roles.get(service, "postgres")
        assert await db.fetchval(WHO) == role
        assert await db.fetchval("SELECT current_user || $1::text", "!") == f"{role}!"
        async with db.transaction() as transaction:
            assert await transaction.fetchval(WHO) == role
        async with db.acquire() as connection:
            assert await connection.fetchval(WHO) == role
            assert await connection.fetchrow(f"{WHO} AS who") == (role,)
            async with connection.transaction():
                assert await db.fetchval(WHO) == role
    assert pool.statistics().services["users"].hand_offs == 0
    await is_clean(lending)


async def test_a_pooler_whose_processes_have_numbers_like_the_server_s_is_found_by_the_first_hand_off(
    open_pool, lending, monkeypatch
):
    monkeypatch.setattr(pooling, "is_foreign", lambda _: False)
    for roles in (ROLES, {}):
        pool = await open_pool(lending, roles=roles, min_size=3)
        assert pool.ready
        assert await SchemaManager(pool, schema="users").fetchval(WHO) == roles.get("users", "postgres")
        assert not pool.ready
        statistics = pool.statistics()
        assert (statistics.broken, statistics.services["users"].hand_offs) == (0, 0)
    await is_clean(lending)


async def test_what_would_stay_is_refused_in_the_very_use_that_finds_the_pooler(open_pool, lending, monkeypatch):
    monkeypatch.setattr(pooling, "is_foreign", lambda _: False)
    pool = await open_pool(lending)
    with pytest.raises(UsageError, match="SET leaves"):
        await SchemaManager(pool, schema="users").execute("SET work_mem = '1234kB'")
    await is_clean(lending)


async def test_connections_that_were_in_use_when_a_pooler_was_found_are_replaced(open_pool, lending, monkeypatch):
    monkeypatch.setattr(pooling, "is_foreign", lambda _: False)
    pool = await open_pool(lending)
    async with pool.lease("poolhouse"):
        async with pool.lease("users") as use:
            assert use.lease.lent
        assert pool.statistics().size == 2
    await until(lambda: pool.statistics().size == 1)


async def test_without_a_pooler_nothing_is_changed_by_looking_for_one(open_pool, ground):
    pool = await open_pool(ground)
    users = SchemaManager(pool, schema="users")
    assert await users.fetchval(WHO) == ROLES["users"]
    assert pool.ready
    async with pool.lease("users") as use:
        assert use.lease.lent is None


async def test_a_connection_that_is_not_asked_about_a_pooler_is_taken_for_the_server_s(open_pool, by_session):
    for pooler in ("none", "session"):
        assert (await open_pool(by_session, pooler=pooler)).ready


async def test_no_two_services_share_a_transaction_s_role_with_another_client(users, competitor, lending):
    for _ in range(4):
        assert await users.fetchval(WHO) == ROLES["users"]
        assert await competitor.fetchval(WHO) == "postgres"
    async with users.transaction():
        assert await competitor.fetchval(WHO) == "postgres"
        assert await users.fetchval(WHO) == ROLES["users"]
    await is_clean(lending)


async def test_statements_of_every_kind_work(users, admin, lending):
    assert await users.execute("INSERT INTO {{tables.items}} VALUES (1, 'a')") == "INSERT 0 1"
    assert await users.execute("INSERT INTO {{tables.items}} VALUES ($1, current_user)", 2) == "INSERT 0 1"
    await users.executemany("INSERT INTO {{tables.items}} VALUES ($1, $2)", [(3, "c"), (4, "d")])
    returned = await users.fetchmany("INSERT INTO {{tables.items}} VALUES ($1) RETURNING id", [(5,), (6,)])
    assert [row["id"] for row in returned] == [5, 6]
    assert await users.copy_records_to_table("items", records=[(7, "g")], columns=["id", "name"]) == "COPY 1"
    assert await users.copy_to_table("items", source=_lines(b"8\th\n"), columns=["id", "name"]) == "COPY 1"
    read = bytearray()

    async def write(data):
        read.extend(data)

    query = "SELECT id FROM {{tables.items}} WHERE id < $1 ORDER BY 1"
    assert await users.copy_from_query(query, 3, output=write) == "COPY 2"
    assert await users.copy_from_table("items", columns=["id"], output=write) == "COPY 8"
    assert read.startswith(b"1\n2\n1\n2\n3\n")
    assert len(await users.fetch("SELECT * FROM {{tables.items}}")) == 8
    assert await admin.fetchval("SELECT name FROM users.items WHERE id = 2") == ROLES["users"]
    await is_clean(lending)


async def _lines(*lines):
    for line in lines:
        yield line


async def test_types_that_the_driver_has_to_ask_about_change_nothing_in_the_session(open_pool, lending):
    for roles in (ROLES, {}):
        users = SchemaManager(await open_pool(lending, roles=roles), schema="users")
        mood = "SELECT $1::{{schema}}.mood AS mood"
        moods = await asyncio.gather(*(users.fetchval(mood, "well") for _ in range(16)))
        assert set(moods) == {"well"}
    await is_clean(lending)


async def test_what_the_driver_turns_off_for_asking_is_turned_on_again_in_the_same_transaction(ground):
    connection = await connect(ground, DatabaseSettings(), kind=LentConnection, statement_cache_size=0)
    # Which is the default of a server that can.
    await connection.execute("SET jit = on")
    said = []
    with connection.query_logger(lambda record: said.append(" ".join(record.query.split()))):
        assert await connection.fetchval("SELECT $1::users.mood", "well") == "well"
    await connection.close()
    (off, on) = (place for place, query in enumerate(said) if "set_config('jit'" in query)
    assert "BEGIN" in said[:off]
    assert "COMMIT" not in said[:on]


async def test_no_two_processes_call_their_statements_the_same(ground):
    connection = await connect(ground, DatabaseSettings(), kind=LentConnection, statement_cache_size=0)
    async with connection.transaction():
        cursor = await connection.cursor("SELECT name FROM pg_prepared_statements")
        (row,) = await cursor.fetch(1)
    await connection.close()
    # The driver's own names are numbers, which begin anew in each process.
    assert not row["name"].endswith("__")


async def test_cursors_work_and_leave_no_statement(users, lending):
    for _ in range(3):
        async with users.transaction():
            numbers = [row[0] async for row in users.cursor("SELECT generate_series(1, $1)", 120)]
            cursor = await users.cursor("SELECT generate_series(1, 3)")
            assert [row[0] for row in await cursor.fetch(2)] == [1, 2]
            del cursor
        assert numbers == list(range(1, 121))
    await is_clean(lending)


async def test_transactions_keep_their_modes_and_savepoints(users, admin):
    async with users.transaction(isolation="serializable", readonly=True, deferrable=True) as transaction:
        for name, value in (("isolation", "serializable"), ("read_only", "on"), ("deferrable", "on")):
            assert await transaction.fetchval(f"SELECT current_setting('transaction_{name}')") == value
        assert await users.fetchval(WHO) == ROLES["users"]
    async with users.transaction():
        await users.execute("INSERT INTO {{tables.items}} VALUES (1)")
        with pytest.raises(UniqueViolationError):
            async with users.transaction():
                await users.execute("INSERT INTO {{tables.items}} VALUES (1)")
        assert await users.fetchval(WHO) == ROLES["users"]
    assert await admin.fetchval("SELECT count(*) FROM users.items") == 1


async def test_a_transaction_is_run_again_after_a_conflict(users, admin):
    await admin.execute("INSERT INTO users.items VALUES (1, 'a')")
    runs = 0
    async for transaction in users.transaction(isolation="repeatable_read", retries=1):
        async with transaction as connection:
            runs += 1
            assert await connection.fetchval(WHO) == ROLES["users"]
            if runs == 1:
                await admin.execute("UPDATE users.items SET name = 'b'")
            await connection.execute("UPDATE {{tables.items}} SET name = 'c'")
    assert runs == 2


async def test_an_error_is_the_statement_s_own_and_leaves_the_connection_whole(users, orders, lending):
    async with users.acquire() as connection:
        for args in ((), (1,)):
            with pytest.raises(DatabaseError, match="division by zero"):
                await connection.fetchval("SELECT 1 / 0" if not args else "SELECT $1::int / 0", *args)
            assert await connection.fetchval(WHO) == ROLES["users"]
        with pytest.raises(InsufficientPrivilegeError, match="orders"):
            await connection.execute("INSERT INTO orders.items VALUES (1)")
        with pytest.raises(DatabaseError):
            await connection.fetchval("SELECT $1::int", "no number")
        assert await connection.fetchval(WHO) == ROLES["users"]
    with pytest.raises(InsufficientPrivilegeError, match="orders"):
        await users.fetch("SELECT * FROM orders.items WHERE id = $1", 1)
    assert await orders.fetchval(WHO) == ROLES["orders"]
    await is_clean(lending)


async def test_a_commit_that_fails_is_told(users):
    async def commit():
        async with users.transaction():
            with suppress(DatabaseError):
                await users.execute("SELECT 1 / 0")

    with pytest.raises(InFailedSqlTransactionError):
        await commit()
    assert await users.fetchval(WHO) == ROLES["users"]


@pytest.mark.parametrize("roles", [{"users": "no such role"}, {"users": 'nor "this'}])
async def test_a_role_that_cannot_be_taken_on_is_named(open_pool, lending, roles):
    users = SchemaManager(await open_pool(lending, roles=roles), schema="users")

    async def begin():
        async with users.transaction():
            pass

    async with users.acquire() as connection:
        for work in (users.fetchval(WHO), users.execute("SELECT 1"), connection.fetchval(WHO), begin()):
            with pytest.raises(RoleError, match="users") as caught:
                await work
            assert caught.value.role == roles["users"]
    assert await SchemaManager(users.pool, schema="orders").fetchval(WHO) == "postgres"
    await is_clean(lending)


async def test_roles_that_are_changed_count_from_the_next_use(pool, users):
    assert await users.fetchval(WHO) == ROLES["users"]
    async with users.acquire() as connection:
        pool.set_roles({**ROLES, "users": ROLES["payments"]})
        assert await connection.fetchval(WHO) == ROLES["users"]
    assert await users.fetchval(WHO) == ROLES["payments"]
    pool.set_roles({})
    assert await users.fetchval(WHO) == "postgres"


async def test_a_pooler_that_keeps_no_statements_is_told_by_their_names(ground, lending):
    # From 1.24 on it does unless it is told not to.
    for dsn, is_keeping in ((ground, False), (lending, pgbouncer_version() >= (1, 24))):
        connection = await connect(dsn, DatabaseSettings(), kind=LentConnection, statement_cache_size=0)
        assert await connection.keeps_statements() is is_keeping
        await connection.close()
    await is_clean(lending)


@pytest.mark.skipif(pgbouncer_version() < (1, 21), reason="this PgBouncer keeps no prepared statements: 1.21 would")
async def test_statements_stay_prepared_where_the_pooler_sees_to_it(open_pool, ground, admin):
    with pgbouncer(ground, mode="transaction", more="max_prepared_statements = 100") as dsn:
        for roles in (ROLES, {}):
            pool = await open_pool(dsn, roles=roles)
            users = SchemaManager(pool, schema="users")
            async with users.acquire() as connection:
                driver = connection.use.lease.connection
                assert await connection.fetchval("SELECT $1::int", 1) == 1
                assert len(driver._stmt_cache) == 1
            campaign = Campaign(pool, 100, 1)
            campaign.roles = {service: roles.get(service, "postgres") for service in SERVICES}
            await campaign.run()
            assert campaign.done >= 100
        assert [left["role"] for left in await left_behind(dsn)] == ["postgres"] * 2


async def test_a_table_that_changed_does_not_fail_a_statement_that_was_prepared(ground, admin):
    connection = await connect(ground, DatabaseSettings(), kind=LentConnection)
    connection.speak_for("users", ROLES["users"], "shop/users")
    await admin.execute("CREATE TABLE users.changing (a int); GRANT ALL ON users.changing TO PUBLIC")
    query = "SELECT * FROM users.changing WHERE a > $1"
    assert await connection.fetch(query, 0) == []
    await admin.execute("ALTER TABLE users.changing ADD b text; INSERT INTO users.changing VALUES (1, 'b')")
    assert [tuple(row) for row in await connection.fetch(query, 0)] == [(1, "b")]
    await connection.close()
    await admin.execute("DROP TABLE users.changing")


@pytest.mark.parametrize("sql", ["SET work_mem = '1MB'", "CREATE TEMP TABLE t (a int)", "SELECT pg_advisory_lock(1)"])
async def test_what_would_stay_in_a_session_is_refused_before_it_is_sent(users, lending, sql):
    with pytest.raises(UsageError, match="set pooler to session"):
        await users.execute(sql)
    with pytest.raises(UsageError, match="set pooler to session"):
        await users.fetch(sql)
    async with users.transaction() as transaction:
        with pytest.raises(UsageError, match="set pooler to session"):
            await transaction.execute(sql)
        # Nothing was sent, so the transaction goes on.
        assert await transaction.fetchval("SELECT 1") == 1
    await is_clean(lending)


@pytest.mark.parametrize("roles", [ROLES, {}], ids=["roles", "none"])
async def test_a_transaction_is_called_after_its_service_and_the_session_after_nobody(open_pool, lending, roles):
    pool = await open_pool(lending, roles=roles, max_size=1, application_name="shop")
    users, orders = SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")
    for db, service in ((users, "users"), (orders, "orders")):
        async with db.transaction() as transaction:
            assert await transaction.fetchval("SHOW application_name") == f"shop/{service}"
        # What is said without a role is said as it is, in one message.
        assert await db.fetchval("SHOW application_name") == (f"shop/{service}" if roles else "shop")
        with suppress(DatabaseError):
            async with db.transaction() as transaction:
                await transaction.execute("SELECT 1 / 0")
    async with pool.lease("poolhouse") as use:
        assert await use.lease.connection.fetchval("SHOW application_name") == "shop"
    await is_clean(lending)


async def test_what_ends_with_a_transaction_works_in_it(users, competitor, lending):
    async with users.transaction() as transaction:
        await transaction.execute("SET LOCAL work_mem = '1234kB'")
        await transaction.execute("CREATE TEMP TABLE t (a int) ON COMMIT DROP")
        await transaction.execute("INSERT INTO t VALUES (1)")
        await transaction.execute("SELECT pg_advisory_xact_lock(4711)")
        assert not await competitor.fetchval("SELECT pg_try_advisory_xact_lock(4711)")
        assert await transaction.fetchval("SHOW work_mem") == "1234kB"
    assert await competitor.fetchval("SELECT pg_try_advisory_xact_lock(4711)")
    await is_clean(lending)


async def test_listening_is_refused_and_notifying_is_not(users, lending):
    with pytest.raises(UsageError, match="nobody can listen"):
        async with users.listen("jobs"):
            pytest.fail("it listens")
    await users.execute("NOTIFY jobs")
    await is_clean(lending)


async def test_what_cannot_run_in_a_transaction_runs_without_a_role_only(open_pool, users, lending):
    for ask in (users.execute, users.fetch):
        with pytest.raises(UsageError, match="VACUUM cannot run in a transaction"):
            await ask("VACUUM {{tables.items}}")
    alone = SchemaManager(await open_pool(lending, roles={}), schema="users")
    assert await alone.execute("VACUUM {{tables.items}}") == "VACUUM"
    assert await alone.fetch("VACUUM {{tables.items}}") == []


async def test_the_driver_s_own_connection_speaks_for_the_service_too(users, lending):
    async with users.acquire() as connection:
        raw = connection.raw
        assert await raw.fetchval(WHO) == ROLES["users"]
        async with raw.transaction(isolation="serializable"):
            assert await raw.fetchval(WHO) == ROLES["users"]
            assert await (await raw.prepare(WHO)).fetchval() == ROLES["users"]
        with pytest.raises(UsageError, match="prepared"):
            await raw.prepare("SELECT 1")
    await until(lambda: users.pool.statistics().closed == 1)


async def test_a_statement_that_runs_out_of_time_leaves_no_transaction(users, lending):
    async with users.acquire() as connection:
        with pytest.raises(QueryTimeoutError):
            await connection.fetchval("SELECT pg_sleep($1)", 30, timeout=0.1)
        # Were it taken for open, this would be a savepoint in it.
        async with connection.transaction(isolation="serializable"):
            assert await connection.fetchval("SHOW transaction_isolation") == "serializable"
        assert await connection.fetchval(WHO) == ROLES["users"]
    with pytest.raises(QueryTimeoutError):
        await users.fetchval("SELECT pg_sleep($1)", 30, timeout=0.1)
    assert await users.fetchval(WHO) == ROLES["users"]
    await is_clean(lending)


@pytest.mark.parametrize("kind", ["fetch", "execute", "transaction"])
async def test_cancelled_at_any_await_it_leaves_nothing(open_pool, lending, kind):
    pool = await open_pool(lending, max_size=1, pooler="transaction")
    users, orders = SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")

    async def work():
        if kind == "fetch":
            await users.fetchval("SELECT $1::text", "a")
        elif kind == "execute":
            await users.execute("SELECT 1")
        else:
            async with users.transaction() as transaction:
                await transaction.fetchval("SELECT $1::text", "a")

    at, was_interrupted = 0, True
    while was_interrupted:
        at += 1
        was_interrupted, _ = await interrupt(work(), at=at)
        await until(lambda: not pool.statistics().in_use)
        assert await orders.fetchval(WHO) == ROLES["orders"]
        assert await users.fetchval(WHO) == ROLES["users"]
    assert at > 1
    await is_clean(lending)


async def test_work_goes_on_on_an_acquired_connection_after_a_cancellation(users, lending):
    at, was_interrupted = 0, True
    async with users.acquire() as connection:
        while was_interrupted:
            at += 1
            was_interrupted, _ = await interrupt(connection.fetchval("SELECT $1::text", "a"), at=at)
            assert await connection.fetchval(WHO) == ROLES["users"]
    assert at > 2
    await is_clean(lending)


class Campaign:
    """Transactions of three services at random, some of which fail or are cancelled, and what came of them."""

    def __init__(self, pool, count, seed):
        self.pool = pool
        self.count = count
        self.random = random.Random(seed)
        self.roles = ROLES
        self.done = 0
        self.cancelled = 0

    async def run(self):
        await asyncio.gather(*(self.client() for _ in range(16)))

    async def client(self):
        while self.done < self.count:
            service = self.random.choice(SERVICES)
            db, role = SchemaManager(self.pool, schema=service), self.roles[service]
            if self.random.random() < 0.1:
                await self.cancelled_use(db)
            elif self.random.random() < 0.1:
                with pytest.raises(DatabaseError, match="division by zero"):
                    await db.fetchval("SELECT $1::int / 0", 1)
            else:
                await self.random.choice([self.single, self.several, self.rolled_back])(db, role)
                self.done += 1

    async def single(self, db, role):
        token = self.random.random()
        assert tuple(await db.fetchrow("SELECT current_user::text, $1::float8", token)) == (role, token)

    async def several(self, db, role):
        token = str(self.random.random())
        async with db.transaction() as transaction:
            await transaction.execute(f"SET LOCAL campaign.token = '{token}'")
            await transaction.execute("CREATE TEMP TABLE mine (a int) ON COMMIT DROP")
            await transaction.executemany("INSERT INTO mine VALUES ($1)", [(1,), (2,)])
            seen = "SELECT current_user::text, current_setting('campaign.token'), (SELECT count(*) FROM mine)"
            assert tuple(await transaction.fetchrow(seen)) == (role, token, 2)

    async def rolled_back(self, db, role):
        with suppress(ZeroDivisionError):
            async with db.transaction(isolation="repeatable_read"):
                await db.execute("INSERT INTO {{tables.items}} VALUES ($1)", self.random.randrange(10**9))
                assert await db.fetchval("SELECT coalesce(current_setting('campaign.token', true), '')") == ""
                assert await db.fetchval(WHO) == role
                raise ZeroDivisionError

    async def cancelled_use(self, db):
        task = asyncio.create_task(
            self.several(db, self.roles[db.schema]) if self.random.random() < 0.5 else _sleep(db)
        )
        await asyncio.sleep(self.random.random() * 0.01)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
        self.cancelled += isinstance(outcome, asyncio.CancelledError)


async def _sleep(db):
    await db.fetchval("SELECT pg_sleep($1)", 0.05)


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=[pytest.mark.processes, pytest.mark.timeout(120)])])
async def test_eight_clients_on_two_sessions_run_without_a_failure_or_a_leak(open_pool, lending, admin, count):
    seed = os.environ.get("POOLHOUSE_CHAOS_SEED", str(random.randrange(10**9)))
    print(f"POOLHOUSE_CHAOS_SEED={seed}")  # noqa: T201 - pytest shows it where the test fails
    pool = await open_pool(lending, max_size=8, acquire_timeout=60)
    campaign = Campaign(pool, count, seed)
    await campaign.run()

    assert campaign.done >= count
    assert campaign.cancelled
    assert pool.statistics().size == 8
    await until(lambda: pool.statistics().in_use == 0)
    await is_clean(lending)
    for service in SERVICES:
        assert not await admin.fetchval(f"SELECT count(*) FROM {service}.items")


async def test_by_session_all_is_as_without_a_pooler(open_pool, by_session, ground):
    pool = await open_pool(by_session, pooler="session", max_size=2)
    users, orders = SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")
    assert pool.ready
    async with users.acquire() as connection:
        await connection.execute("SET work_mem = '1234kB'; CREATE TEMP TABLE t (a int)")
        assert await connection.fetchval("SHOW work_mem") == "1234kB"
        await connection.fetch("SELECT * FROM t WHERE a = $1", 1)
    async with users.listen("jobs") as notifications:
        await orders.execute("NOTIFY jobs, 'x'")
        assert (await asyncio.wait_for(anext(notifications), 5)).payload == "x"
    for db in (users, orders, users):
        answers = await asyncio.gather(*(db.fetchval("SELECT current_user || $1::text", "!") for _ in range(8)))
        assert set(answers) == {f"{ROLES[db.schema]}!"}
        assert await db.fetchval("SHOW work_mem") != "1234kB"
    assert pool.statistics().services["orders"].hand_offs


async def test_by_session_and_taken_for_lent_by_transaction_it_works_too(open_pool, by_session):
    pool = await open_pool(by_session)
    assert pool.ready is None
    campaign = Campaign(pool, 30, 1)
    await campaign.run()
    assert campaign.done >= 30
