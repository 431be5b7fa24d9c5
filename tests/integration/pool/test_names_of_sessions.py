"""What pg_stat_activity calls a session: after the application, and after the service that it serves."""

from __future__ import annotations

import pytest

from poolhouse.schema import SchemaManager
from tests.integration.moments import until

NAME = "SHOW application_name"
ROLES = {"users": "pg_monitor", "orders": "pg_read_all_data"}


@pytest.fixture
def application(settings):
    return settings().application_name


@pytest.fixture(params=[ROLES, {}], ids=["roles", "none"])
async def pool(open_pool, request):
    pool = await open_pool(max_size=1)
    pool.set_roles(request.param)
    return pool


async def test_each_service_has_a_name_of_its_own_on_the_same_connection(pool, application):
    users, orders = (SchemaManager(pool, schema=service) for service in ("users", "orders"))

    names = [await db.fetchval(NAME) for db in (users, users, orders, users)]

    assert names == [f"{application}/{service}" for service in ("users", "users", "orders", "users")]
    assert pool.statistics().opened == 1


async def test_an_idle_session_shows_whom_it_served_last(pool, application, observer):
    db = SchemaManager(pool, schema="users")
    await db.fetchval("SELECT 1")

    query = "SELECT application_name FROM pg_stat_activity WHERE pid = $1 AND state = 'idle'"
    (pid,) = await observer.pids()
    assert await observer.connection.fetchval(query, pid) == f"{application}/users"


async def test_poolhouse_itself_is_called_as_the_application(pool, application, observer):
    query = "SELECT application_name FROM pg_stat_activity WHERE pid = $1"
    (pid,) = await observer.pids()
    for _ in range(2):
        assert await observer.connection.fetchval(query, pid) == application
        await SchemaManager(pool, schema="users").fetchval("SELECT 1")
        await pool.check()


async def test_the_name_comes_back_after_a_service_changed_it(pool, application):
    db = SchemaManager(pool, schema="users")
    await db.execute("SET application_name = 'somebody else'")
    await until(lambda: not pool.statistics().in_use)

    assert await db.fetchval(NAME) == f"{application}/users"


@pytest.mark.parametrize(
    ("service", "shown"), [("O'Brien \\ Sons", "O'Brien \\ Sons"), ("größe", "gr??e"), ('a "b"', 'a "b"')]
)
async def test_a_service_may_be_called_as_it_likes(open_pool, service, shown):
    pool = await open_pool(max_size=1, application_name="it's")
    db, other = (SchemaManager(pool, schema=each) for each in (service, "other"))

    assert [await each.fetchval(NAME) for each in (db, other, db)] == [f"it's/{shown}", "it's/other", f"it's/{shown}"]


async def test_a_long_name_is_cut_where_postgresql_would_cut_it(open_pool, observer):
    pool = await open_pool(max_size=1, application_name="a" * 40)
    db = SchemaManager(pool, schema="s" * 63)

    pid = await db.fetchval("SELECT pg_backend_pid()")

    query = "SELECT application_name FROM pg_stat_activity WHERE pid = $1"
    assert await observer.connection.fetchval(query, pid) == f"{'a' * 40}/{'s' * 22}"


async def test_a_fresh_connection_is_named_in_the_message_that_gives_it_its_role(open_pool, tap):
    pool = await open_pool(dsn=tap.dsn, max_size=1, pooler="none", application_name="shop")
    pool.set_roles(ROLES)
    await SchemaManager(pool, schema="users").execute("SELECT 1")

    assert tap.queries() == ["SET application_name = 'shop/users'; SET ROLE \"pg_monitor\"", "SELECT 1"]
