from __future__ import annotations

import asyncpg
import pytest

from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.settings import Profile
from services.users.models import NewUser

# asyncpg.Pool resets a session after every use; that is the pool's affair and not the migrations'.
RESETS = ("SELECT pg_advisory_unlock_all()", "CLOSE ALL", "UNLISTEN *", "RESET ALL")


@pytest.fixture
async def observed():
    """A server that counts statements, and a connection of its superuser."""
    server = EmbeddedPostgres(temporary=True, parameters={"shared_preload_libraries": "pg_stat_statements"})
    await server.open()
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute("CREATE EXTENSION pg_stat_statements")
        yield server, connection
    finally:
        await connection.close()
        await server.close()


def application(dsn, roles="off"):
    database = {"dsn": dsn, "min_size": 1, "max_size": 2, "service_roles": roles}
    settings = Settings(profile=Profile.TEST, database=database)
    return ApplicationContainer(settings=settings)


async def grant_the_least(connection):
    """Make a role that may see what is migrated, and work with the data of three services."""
    await connection.execute(
        """
        CREATE ROLE least LOGIN;
        GRANT USAGE ON SCHEMA poolhouse, users, orders, payments TO least;
        GRANT SELECT ON poolhouse.head TO least;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA users, orders, payments TO least;
        """
    )


async def statements_of(connection, role):
    rows = await connection.fetch(
        "SELECT query, calls FROM pg_stat_statements WHERE userid = $1::regrole::oid ORDER BY query", role
    )
    return [row["query"] for row in rows for _ in range(row["calls"])]


async def test_it_is_one_statement_for_all_services_and_needs_no_more_than_reading(observed):
    server, connection = observed
    async with application(server.dsn):
        pass
    await grant_the_least(connection)
    async with application(server.dsn.replace("postgres@", "least@", 1)) as started:
        assert [report.applied for report in started.report.migrations] == [(), (), ()]
        asked = [each for each in await statements_of(connection, "least") if not each.startswith(RESETS)]
        assert len(asked) == 1
        assert "poolhouse.head" in asked[0]
        user = await started.users.service().register(NewUser(email="ada@example.com", name="Ada"))
        assert (await started.users.service().get(user.id)).name == "Ada"


@pytest.mark.parametrize("roles", ["managed", "existing"])
async def test_with_roles_it_is_one_statement_more_and_needs_to_be_granted_them_and_to_see_the_head(observed, roles):
    server, connection = observed
    async with application(server.dsn, "managed"):
        pass
    await connection.execute(
        """
        CREATE ROLE least LOGIN;
        GRANT svc_users, svc_orders, svc_payments TO least;
        GRANT USAGE ON SCHEMA poolhouse TO least;
        GRANT SELECT ON poolhouse.head TO least;
        """
    )
    async with application(server.dsn.replace("postgres@", "least@", 1), roles) as started:
        asked = [each for each in await statements_of(connection, "least") if not each.startswith(RESETS)]
        assert len(asked) == 2
        assert any("poolhouse.head" in each for each in asked)
        assert any("pg_default_acl" in each for each in asked)
        assert [report.statements for report in started.report.roles] == [(), (), ()]


@pytest.mark.parametrize("roles", ["off", "managed"])
async def test_it_works_on_a_server_that_only_reads(observed, roles):
    server, connection = observed
    async with application(server.dsn, roles):
        pass
    await connection.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
    async with application(server.dsn, roles) as started:
        assert [report.version for report in started.report.migrations] == [1, 1, 1]
