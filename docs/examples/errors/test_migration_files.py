"""Errors in the files of migrations, each raised for its section."""

from __future__ import annotations

import pytest

from poolhouse import MigrationSet, SchemaManager
from poolhouse.errors import (
    DirectiveError,
    DuplicateVersionError,
    MigrationDependencyError,
    MigrationError,
    MigrationFileError,
    MigrationFilesError,
    MigrationFolderError,
    MigrationNameError,
    MigrationTextError,
    TransactionControlError,
)
from poolhouse.migrations import migrate

CREATE = "CREATE TABLE {{tables.users}} (id bigint);\n"
FILES = {
    DuplicateVersionError: {"0001_create_users.sql": CREATE, "0001_create_accounts.sql": CREATE},
    MigrationNameError: {"create_users.sql": CREATE},
    MigrationTextError: {"0001_create_users.sql": "-- für Menschen\n".encode("latin-1")},
    DirectiveError: {"0001_create_users.sql": f"-- poolhouse: no-transactoin\n{CREATE}"},
    TransactionControlError: {"0001_create_users.sql": f"BEGIN;\n{CREATE}"},
    MigrationDependencyError: {"0001_create_users.sql": f"-- poolhouse: depends: account/1\n{CREATE}"},
    MigrationFileError: {"0001_create_users.sql": f"{CREATE}COMMIT;\n"},
}
KINDS = {MigrationFileError: TransactionControlError}


@pytest.mark.parametrize("error", FILES, ids=lambda error: error.__name__)
async def test_one_file(users, told, error):
    with pytest.raises(MigrationFilesError) as raised:
        await migrate([users(FILES[error])])
    (violation,) = raised.value.violations
    assert type(violation) is KINDS.get(error, error)
    told.shows(error, violation)


async def test_a_folder_that_is_not_there(pool, write, told):
    write("users", {})
    with pytest.raises(MigrationFilesError) as raised:
        MigrationSet(SchemaManager(pool, schema="users"), "migrations/usres").load()
    told.shows(MigrationFolderError, raised.value.violations[0])


async def test_all_files_at_once(users, told):
    files = {"0001_create_users.sql": "CREATE TABLE {{table.users}} (id bigint);\n", "add_name.sql": "SELECT 1;\n"}
    for error in (MigrationFilesError, MigrationError):
        with told(error, by=MigrationFilesError):
            await migrate([users(files)])
