"""Errors of migrations that are to be applied, or mended, each raised for its section."""

from __future__ import annotations

from urllib.parse import urlsplit

from poolhouse.errors import (
    MigrationApplyError,
    MigrationDirtyError,
    MigrationLockError,
    MigrationPendingError,
    MigrationPoolerError,
    MigrationPrivilegeError,
    MigrationReadOnlyError,
    MigrationRepairError,
    MigrationReplayError,
    MigrationSchemasError,
    MigrationSquashError,
)
from poolhouse.migrations import migrate
from poolhouse.migrations.bundle import lock_key
from poolhouse.migrations.catalogue import verify
from poolhouse.migrations.repair import accept_checksum
from poolhouse.migrations.squash import squash

ONE = {"0001_create_users.sql": "CREATE TABLE {{tables.users}} (id bigint);\n"}
TWO = {"0002_add_name.sql": "ALTER TABLE {{tables.users}} ADD COLUMN name text;\n"}
WRONG = {"0002_add_name.sql": "ALTER TABLE {{tables.users}}\n    ADD COLUMN name txt;\n"}
OUTSIDE = {
    "0002_index_ids.sql": "-- poolhouse: no-transaction\n"
    "INSERT INTO {{tables.users}} VALUES (2);\n"
    "CREATE UNIQUE INDEX CONCURRENTLY ids ON {{tables.users}} (id);\n"
}


async def test_pending(users, open_pool, told):
    with told(MigrationPendingError):
        await migrate([users(ONE | TWO, on=await open_pool(migration_mode="check"))])


async def test_a_statement_that_fails(users, told):
    await migrate([users(ONE)])
    with told(MigrationApplyError):
        await migrate([users(ONE | WRONG)])


async def test_a_lock_that_another_process_has(users, admin, open_pool, told):
    await admin.execute("SELECT pg_advisory_lock($1)", lock_key("users", "users"))
    with told(MigrationLockError):
        await migrate([users(ONE, on=await open_pool(migration_timeout=0.1))])


async def test_a_right_that_is_missing(users, admin, open_pool, database, database_settings, told):
    role = f"{database_settings.role_prefix}shop"
    await admin.execute(f'CREATE ROLE "{role}" LOGIN')
    parts = urlsplit(database)
    dsn = f"postgresql://{role}@{parts.netloc.rpartition('@')[2]}{parts.path}?{parts.query}"
    with told(MigrationPrivilegeError):
        await migrate([users(ONE, on=await open_pool(dsn=dsn))])


async def test_a_server_that_only_reads(users, admin, open_pool, told):
    await migrate([users(ONE)])
    (name,) = await admin.fetchrow("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with told(MigrationReadOnlyError):
        await migrate([users(ONE | TWO, on=await open_pool())])


async def test_schemas_of_tenants(users, admin, told):
    tenants = users(ONE, schemas=["tenant_1", "tenant_2", "tenant_3"])
    await migrate([tenants])
    await admin.execute("ALTER TABLE tenant_2.users ADD COLUMN name text")
    with told(MigrationSchemasError):
        await migrate([users(ONE | TWO, schemas=["tenant_1", "tenant_2", "tenant_3"])])


def test_a_file_that_needs_a_session_behind_a_pooler(told):
    # Raised for real in tests/integration/migrations/test_pooler.py, where PgBouncer is installed.
    error = MigrationPoolerError(
        "migrations/users/0002_index_ids.sql", address="shop@pgbouncer.internal:6432/shop", is_migration_dsn=False
    )
    told.shows(MigrationPoolerError, error)


async def test_a_migration_that_is_half_done(users, admin, told):
    await migrate([users(ONE)])
    await admin.execute("INSERT INTO users.users VALUES (1), (1)")
    with told(MigrationDirtyError):
        await migrate([users(ONE | OUTSIDE)])


async def test_nothing_to_repair(users, told):
    migrations = users(ONE)
    await migrate([migrations])
    with told(MigrationRepairError):
        await accept_checksum(migrations, 1)


async def test_nothing_to_squash(users, told):
    with told(MigrationSquashError):
        await squash(users(ONE))


async def test_migrations_that_cannot_be_run_again(users, admin, told):
    await admin.execute("CREATE TABLE public.legacy (id bigint)")
    migrations = users({"0001_copy_legacy.sql": "CREATE TABLE {{tables.users}} AS SELECT id FROM public.legacy;\n"})
    await migrate([migrations])
    await admin.execute("DROP TABLE public.legacy")
    with told(MigrationReplayError):
        await verify(migrations)
