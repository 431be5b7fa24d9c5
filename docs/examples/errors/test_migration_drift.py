"""Errors of files and a database that disagree, each raised for its section."""

from __future__ import annotations

import pytest

from poolhouse.errors import (
    DivergedMigrationsError,
    LateMigrationError,
    LedgerError,
    MigrationDriftError,
    MissingMigrationError,
    ModifiedMigrationError,
    ReplacedMigrationsError,
    SchemaDroppedError,
)
from poolhouse.migrations import migrate

ONE = {"0001_create_users.sql": "CREATE TABLE {{tables.users}} (id bigint);\n"}
TWO = {"0002_add_name.sql": "ALTER TABLE {{tables.users}} ADD COLUMN name text;\n"}
THREE = {"0003_add_email.sql": "ALTER TABLE {{tables.users}} ADD COLUMN email text;\n"}
OTHER_TWO = {"0002_add_phone.sql": "ALTER TABLE {{tables.users}} ADD COLUMN phone text;\n"}
SQUASHED = {"0003_squashed.sql": "-- poolhouse: replaces: 0001..0002\nCREATE TABLE {{tables.users}} (id int);\n"}
EDITED = {"0001_create_users.sql": "CREATE TABLE {{tables.users}} (id bigint PRIMARY KEY);\n"}

CASES = {
    ModifiedMigrationError: (ONE, EDITED),
    MissingMigrationError: (ONE | TWO | THREE, ONE | THREE),
    ReplacedMigrationsError: (ONE, SQUASHED),
    LateMigrationError: (ONE | THREE, ONE | TWO | THREE),
    DivergedMigrationsError: (ONE | THREE, ONE | TWO),
}


@pytest.mark.parametrize("error", CASES, ids=lambda error: error.__name__)
async def test_files_that_are_not_what_was_applied(users, told, error):
    applied, files = CASES[error]
    await migrate([users(applied)])
    with pytest.raises(MigrationDriftError) as raised:
        await migrate([users(files)])
    (violation,) = raised.value.violations
    assert type(violation) is error
    told.shows(error, violation)


async def test_drift_as_a_whole(users, told):
    await migrate([users(ONE | TWO)])
    with told(MigrationDriftError):
        await migrate([users(EDITED | OTHER_TWO)])


async def test_a_schema_that_is_gone(users, admin, told):
    await migrate([users(ONE)])
    await admin.execute("DROP SCHEMA users CASCADE")
    with pytest.raises(MigrationDriftError) as raised:
        await migrate([users(ONE | TWO)])
    told.shows(SchemaDroppedError, raised.value.violations[0])


async def test_a_ledger_that_was_edited(users, admin, told):
    await migrate([users(ONE)])
    await admin.execute("UPDATE poolhouse.head SET digest = 'x' WHERE module = 'users'")
    with told(LedgerError):
        await migrate([users(ONE)])
