"""The schemas of a set of many, and where they stand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from poolhouse._core.identifiers import check_identifier
from poolhouse._core.template import compile_template
from poolhouse.errors import ConfigurationError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.files import LEDGER, ledger_written, read_folder
from poolhouse.migrations.planning import sought_by
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from poolhouse.migrations.access import Session
    from poolhouse.migrations.files import WrittenMigrations
    from poolhouse.migrations.ledger import Standing
    from poolhouse.migrations.migration_set import MigrationSet

# What a query names that migrations of other sets may be about to make.
_MISSING = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
_WRONG = (*_MISSING, asyncpg.PostgresSyntaxError)


class Found(NamedTuple):
    """The schemas of a set, and where those stand that are `behind`; nothing is pending in the others."""

    schemas: Sequence[str]
    has_ledger: bool
    behind: Mapping[str, Standing]


async def schemas_of(migrations: MigrationSet) -> tuple[str, ...]:
    """Return the schemas that a set is applied to, in order; a query is asked for them.

    Raises ConfigurationError for a query that cannot be asked or returns something else than names of schemas.
    """
    if migrations.schemas is None:
        return (migrations.db.schema,)
    if not isinstance(migrations.schemas, str):
        return migrations.schemas
    with translated(), _asking(migrations):
        async with Access(migrations.db.pool).looking() as connection:
            return await _asked(migrations, connection)


async def migrated_schemas_of(migrations: MigrationSet) -> tuple[str, ...]:
    """Return those schemas of a set of many in which anything of it was ever applied or recorded."""
    found = await look(migrations, Access(migrations.db.pool), migrations.written(read_folder(migrations.directory)))
    return tuple(schema for schema in found.schemas if schema not in found.behind or found.behind[schema].head)


async def look(migrations: MigrationSet, access: Access, written: WrittenMigrations) -> Found:
    """Return the schemas of a set of many and where they stand, in one statement besides the query of their names.

    Raises as `schemas_of`, and MigrationPrivilegeError.
    """
    with translated(), _asking(migrations):
        return await _look(migrations, access, written)


async def look_early(migrations: MigrationSet, access: Access, written: WrittenMigrations) -> Found | None:
    """Look before other sets are migrated; None where the query of the schemas needs what those are about to make."""
    with translated(), _asking(migrations):
        try:
            return await _look(migrations, access, written)
        except _MISSING:
            return None


async def _look(migrations: MigrationSet, access: Access, written: WrittenMigrations) -> Found:
    async with access.looking() as connection:
        schemas = await _asked(migrations, connection)
        own, behind = await sought_by(connection, migrations.module, schemas, written.folder_digest)
    return Found(schemas, own[LEDGER].is_settled(ledger_written().folder_digest), behind)


async def _asked(migrations: MigrationSet, connection: Session) -> tuple[str, ...]:
    if not isinstance(migrations.schemas, str):
        return migrations.schemas or ()
    db = migrations.db
    query = compile_template(migrations.schemas, source=_place(migrations))
    names = [row[0] for row in await connection.fetch(query.render(db.schema, sorted(db.reads)))]
    if all(isinstance(name, str) for name in names):
        return tuple(check_identifier(name) for name in dict.fromkeys(names))
    fact = "it returns something else than names"
    raise ConfigurationError(fact, place=_place(migrations), remedy="Let it return one column of text")


@contextmanager
def _asking(migrations: MigrationSet) -> Generator[None]:
    """Name the query in the error of one that cannot be asked; all other statements here are our own."""
    try:
        yield
    except _WRONG as error:
        said = translate(error)
        fact = said.fact if said else type(error).__name__
        remedy = "Correct it, or migrate first what makes the tables that it reads"
        raise ConfigurationError(fact, place=_place(migrations), remedy=remedy) from None


def _place(migrations: MigrationSet) -> str:
    return f"the query of the schemas of module {migrations.module!r}"
