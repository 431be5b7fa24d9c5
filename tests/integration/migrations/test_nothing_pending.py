"""A start with nothing to do: one statement, hardly any right, no write."""

from __future__ import annotations

import asyncpg
import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

SERVICES = ("users", "orders", "payments")
# Of every kind: the last one is held, so that nothing is pending although it was not applied.
FILES = {
    "1_a.sql": "CREATE TABLE {{tables.a}} (id int)",
    "2_i.sql": "-- poolhouse: no-transaction\nCREATE INDEX CONCURRENTLY i ON {{tables.a}} (id)",
    "3_c.sql": "-- poolhouse: phase: contract\nDROP TABLE {{tables.a}}",
    "R_v.sql": "CREATE OR REPLACE VIEW v AS SELECT * FROM {{tables.a}}",
}


@pytest.fixture
def sets(write):
    folders = {name: write(name, FILES) for name in SERVICES}

    def sets(pool):
        return [MigrationSet(SchemaManager(pool, schema=name), folder) for name, folder in folders.items()]

    return sets


@pytest.fixture
async def counting_server():
    """A server that counts the statements it executes."""
    server = EmbeddedPostgres(temporary=True, parameters={"shared_preload_libraries": "pg_stat_statements"})
    await server.open()
    yield server.dsn
    await server.close()


async def executed(admin):
    """The statements that other sessions executed since the last call, with the number of times."""
    mine = "%pg_stat_statements%"
    rows = await admin.fetch("SELECT query, calls FROM pg_stat_statements WHERE query NOT LIKE $1", mine)
    await admin.execute("SELECT pg_stat_statements_reset()")
    return {row["query"]: row["calls"] for row in rows}


async def test_the_server_sees_one_statement_for_all_services(counting_server, sets):
    pool = SharedPool(DatabaseSettings.model_validate({"dsn": counting_server, "min_size": 1, "max_size": 1}))
    await pool.open()
    await migrate(sets(pool))
    # A fresh connection, of which the driver knows nothing yet.
    await pool.close()
    await pool.open()
    admin = await asyncpg.connect(counting_server)
    await admin.execute("CREATE EXTENSION pg_stat_statements")
    await executed(admin)
    async with pool.lease("users"):
        pass
    of_the_pool = await executed(admin)
    assert (await migrate(sets(pool))).applied == 0
    ours = {query: calls for query, calls in (await executed(admin)).items() if query not in of_the_pool}
    await admin.close()
    await pool.close()
    assert list(ours.values()) == [1], ours
    assert "poolhouse.head" in next(iter(ours))


async def test_the_right_to_read_the_head_is_enough(pool, pool_of_role, role, admin, sets):
    await migrate(sets(pool))
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    result = await migrate(sets(pool_of_role))
    assert [report.version for report in result.reports] == [2, 2, 2]


async def test_a_server_that_takes_no_writes_is_enough(pool, pool_of_role, role, admin, sets):
    await migrate(sets(pool))
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    await pool_of_role.close()
    await pool_of_role.open()
    assert (await migrate(sets(pool_of_role))).applied == 0


async def test_no_lock_is_taken(pool, admin, sets):
    await migrate(sets(pool))
    async with admin.transaction():
        await admin.execute("LOCK TABLE poolhouse.head, poolhouse.ledger, poolhouse.event IN EXCLUSIVE MODE")
        assert (await migrate(sets(pool), timeout=0)).applied == 0
