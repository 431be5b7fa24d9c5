"""Errors of the shared pool and of services' roles, each raised for its section."""

from __future__ import annotations

import socket

from poolhouse import SchemaManager, SharedPool
from poolhouse.errors import (
    AuthenticationError,
    ConnectError,
    DatabaseMissingError,
    DrainTimeoutError,
    PoolError,
    PoolStateError,
    RoleError,
    SelfDeadlockError,
    ServerUnavailableError,
    ServiceRolesBusyError,
    ServiceRolesError,
)
from poolhouse.roles import establish_roles
from poolhouse.roles.establishing import _LOCK
from poolhouse.testing.databases import with_database


async def test_a_pool_that_is_not_open(database_settings, told):
    orders = SchemaManager(SharedPool(database_settings), schema="orders")
    for error in (PoolStateError, PoolError):
        with told(error, by=PoolStateError):
            await orders.fetch("SELECT 1")


async def test_a_database_that_takes_no_connections(database, open_pool, admin, told):
    await admin.execute("CREATE DATABASE poolhouse_test_closed ALLOW_CONNECTIONS false")
    try:
        with told(ConnectError):
            await open_pool(dsn=with_database(database, "poolhouse_test_closed"))
    finally:
        await admin.execute("DROP DATABASE poolhouse_test_closed")


async def test_a_server_that_is_not_there(open_pool, told):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with told(ServerUnavailableError):
            await open_pool(dsn=f"postgresql://shop@127.0.0.1:{taken.getsockname()[1]}/shop", startup_timeout=0.1)


async def test_a_login_that_is_refused(database, open_pool, told):
    with told(AuthenticationError):
        await open_pool(dsn=database.replace("postgres@", "nobody@", 1))


async def test_a_database_that_is_not_there(database, open_pool, told):
    with told(DatabaseMissingError):
        await open_pool(dsn=with_database(database, "poolhouse_test_shpo"))


async def test_a_task_that_waits_for_itself(open_pool, told):
    orders = SchemaManager(await open_pool(max_size=1), schema="orders")
    async with orders.acquire():
        with told(SelfDeadlockError):
            async with orders.acquire():
                pass


async def test_a_connection_that_is_not_given_back(database_settings, told):
    pool = SharedPool(database_settings.model_copy(update={"drain_timeout": 0.05}))
    await pool.open()
    async with pool.lease("orders"):
        with told(DrainTimeoutError):
            await pool.close()


async def test_a_role_that_was_dropped(pool, admin, told):
    orders = SchemaManager(pool, schema="orders")
    await admin.execute("CREATE SCHEMA orders")
    (report,) = await establish_roles([orders])
    await admin.execute(f'DROP OWNED BY "{report.role}"; DROP ROLE "{report.role}"')
    with told(RoleError):
        await orders.fetch("SELECT 1")


async def test_roles_that_nobody_made(open_pool, admin, told):
    await admin.execute("CREATE SCHEMA orders")
    orders = SchemaManager(await open_pool(service_roles="existing"), schema="orders")
    with told(ServiceRolesError):
        await establish_roles([orders])


async def test_roles_that_somebody_else_is_making(pool, admin, told):
    await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
    with told(ServiceRolesBusyError):
        await establish_roles([SchemaManager(pool, schema="orders")], timeout=0.05)
