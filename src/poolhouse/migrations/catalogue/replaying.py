"""Running migrations once more, in a schema that no one else ever sees."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from poolhouse._core.identifiers import quote_identifier, read_name
from poolhouse._core.lexer import line_column, split_statements
from poolhouse._core.literal import literal
from poolhouse._core.replay import for_replay, is_transaction_control
from poolhouse.errors import ConnectionLostError, MigrationReplayError
from poolhouse.migrations.catalogue.enums import UNSAFE_USE, EnumLessons, EnumWatch, Place
from poolhouse.migrations.catalogue.reading import read_catalogue
from poolhouse.migrations.catalogue.rights import with_roles
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterable, Sequence

    from poolhouse._core.catalogue import Catalogue, CatalogueEntry
    from poolhouse._core.lexer import Statement
    from poolhouse._core.migration_file import MigrationFile
    from poolhouse._core.replay import ReplayStatement
    from poolhouse._core.template import Rendering
    from poolhouse.migrations.access import Session
    from poolhouse.migrations.catalogue.rights import Rights

# Below the server's deadlock_timeout, so that it is always the replay that gives way.
_LOCK_TIMEOUT = "500ms"
RETRIED = frozenset({"55P03", "40P01", "40001"})

_UNLIMITED = 1e8  # seconds; for the driver None would mean the connection's command_timeout

# Whatever a migration calls, this transaction must not commit: a cursor that outlives it is filled at the commit,
# and this one cannot be.
_SEAL = (
    "DECLARE poolhouse_replay NO SCROLL CURSOR WITH HOLD FOR SELECT "
    "('poolhouse: a replay does not commit ' || pg_catalog.pg_backend_pid())::pg_catalog.int4"
)

_EXTENSIONS = """
SELECT extname FROM pg_catalog.pg_extension
WHERE extnamespace = pg_catalog.to_regnamespace($1)::pg_catalog.oid AND extrelocatable
"""
# Rights say who of them is the owner. Schema public has the database's owner, whoever that is.
_OWNER = """
SELECT owner.rolname FROM pg_catalog.pg_namespace AS space JOIN pg_catalog.pg_roles AS owner ON owner.oid = nspowner
WHERE space.oid = pg_catalog.to_regnamespace($1)::pg_catalog.oid AND nspname <> 'public'
    AND pg_catalog.pg_has_role(owner.oid, CASE
        WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 160000 THEN 'MEMBER' ELSE 'SET' END)
"""
_HOME_OF_EXTENSION = """
SELECT nspname FROM pg_catalog.pg_extension AS extension
JOIN pg_catalog.pg_namespace AS space ON space.oid = extnamespace WHERE extname = $1::text::name
"""


class ReplayAgainError(Exception):
    """A replay failed and has learnt what it takes to get further; never seen outside of this package."""


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """A migration, rendered for the schema that it is replayed in."""

    file: MigrationFile
    rendering: Rendering


@dataclass(frozen=True, slots=True)
class Aside:
    """Where the real schema is meanwhile (None: there is none), and which of its extensions the empty one has."""

    schema: str | None
    extensions: frozenset[str]


def render(files: Iterable[MigrationFile], *, schema: str, reads: Collection[str]) -> list[ReplayFile]:
    """Return `files` rendered for `schema`."""
    return [ReplayFile(file, file.rendering(schema, reads)) for file in files]


@asynccontextmanager
async def rolled_back(connection: Session) -> AsyncGenerator[None, None]:
    """Open a transaction that waits for no lock for long, cannot commit, and is rolled back however the block ends."""
    transaction = connection.transaction(isolation="read_committed")
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'; {_SEAL}")
        yield
    finally:
        await transaction.rollback()


async def replayed(
    connection: asyncpg.Connection[Any],
    schema: str,
    files: Sequence[ReplayFile],
    lessons: EnumLessons,
    *,
    owners: bool,
    grants: bool,
    rights: Rights | None = None,
) -> Catalogue:
    """Return what `files` make of an empty schema, and then `rights` of that, inside of `rolled_back`.

    The real schema gets another name, and an empty one gets its own. So migrations find everything by the names that
    they were written with, and what they say of their own schema cannot reach the real one. For all other sessions
    nothing changes.

    Raises MigrationReplayError, ReplayAgainError, and the driver's error where the schema cannot be set aside or
    where trying again may help.
    """
    aside = await _set_aside(connection, schema)
    replay = _Replay(connection, schema, aside, lessons)
    for index, each in enumerate(files):
        await replay.run(each, index)
    missing: tuple[str, ...] = ()
    if rights is not None and grants:
        await replay.begin()
        missing = await rights.give(connection, schema)
    made = await read_catalogue(connection, schema, owners=owners, grants=grants)
    made = replace(made, entries=tuple(entry for entry in made.entries if not _is_unclaimed(entry, replay)))
    return with_roles(made, missing)


async def _set_aside(connection: asyncpg.Connection[Any], schema: str) -> Aside:
    own = quote_identifier(schema)
    if not await connection.fetchval("SELECT pg_catalog.to_regnamespace($1) IS NOT NULL", own):
        await connection.execute(f"CREATE SCHEMA {own}")
        return Aside(None, frozenset())
    name = f"poolhouse_replay_{secrets.token_hex(8)}"
    owner = await connection.fetchval(_OWNER, own)
    owned = f" AUTHORIZATION {quote_identifier(owner)}" if owner is not None else ""
    await connection.execute(f"ALTER SCHEMA {own} RENAME TO {name}; CREATE SCHEMA {own}{owned}")
    # There can be only one of each in a database, so the replay cannot have its own.
    extensions = await connection.fetch(_EXTENSIONS, name)
    for extension in extensions:
        await connection.execute(f"ALTER EXTENSION {quote_identifier(extension['extname'])} SET SCHEMA {own}")
    return Aside(name, frozenset(extension["extname"] for extension in extensions))


def _is_unclaimed(entry: CatalogueEntry, replay: _Replay) -> bool:
    return entry.kind == "extension" and read_name(entry.name) in replay.unclaimed


class _Replay:
    """Runs files in the empty schema; `unclaimed` are its extensions that no file has created yet."""

    def __init__(self, connection: asyncpg.Connection[Any], schema: str, aside: Aside, lessons: EnumLessons) -> None:
        self._connection = connection
        self._schema = schema
        self._aside = aside
        self._enums = EnumWatch(connection, schema, lessons)
        self.unclaimed = set(aside.extensions)

    async def begin(self) -> None:
        """See to it that what follows runs as if it began a session, whatever files have set."""
        path = literal(f"{quote_identifier(self._schema)}, public")
        await self._connection.execute(
            f"RESET ALL; SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'; "
            f"SELECT pg_catalog.set_config('search_path', {path}, true)"
        )

    async def run(self, each: ReplayFile, index: int) -> None:
        await self.begin()
        for statement in split_statements(each.rendering.sql, source=each.file.file):
            if is_transaction_control(statement.text):
                raise self._refused(each, statement, "this statement begins or ends a transaction")
            rewritten = for_replay(statement.text)
            if rewritten is None or await self._has_extension(each, statement, rewritten):
                continue
            if rewritten.before is not None:
                await self._execute(each, statement, rewritten.before, has_positions=False)
            place = Place(index, statement.start)
            sql = self._enums.rewrite(rewritten.sql, place)
            await self._execute(each, statement, sql)
            await self._enums.note(sql, place)

    async def _execute(self, each: ReplayFile, statement: Statement, sql: str, *, has_positions: bool = True) -> None:
        try:
            await self._connection.execute(sql, timeout=_UNLIMITED)
        except asyncpg.PostgresError as error:
            translated = translate(error)
            if error.sqlstate in RETRIED or isinstance(translated, ConnectionLostError):
                raise
            if error.sqlstate == UNSAFE_USE and self._enums.learn():
                raise ReplayAgainError from None
            fact = translated.fact if translated else type(error).__name__
            position = getattr(error, "position", None)
            at = int(position) - 1 if position and has_positions else 0
            raise self._refused(each, statement, fact, sqlstate=error.sqlstate, at=at) from None
        if not self._connection.is_in_transaction():
            raise self._refused(each, statement, "it ended the transaction")

    async def _has_extension(self, each: ReplayFile, statement: Statement, rewritten: ReplayStatement) -> bool:
        """Whether the extension that a statement creates is in the database, and where the replay needs it."""
        if rewritten.extension is None:
            return False
        home = await self._connection.fetchval(_HOME_OF_EXTENSION, rewritten.extension)
        if home is not None and home == self._aside.schema:
            fact = f"extension {rewritten.extension} is there already, and cannot be moved to another schema"
            raise self._refused(each, statement, fact)
        self.unclaimed.discard(rewritten.extension)
        return home is not None

    def _refused(
        self, each: ReplayFile, statement: Statement, fact: str, *, sqlstate: str | None = None, at: int = 0
    ) -> MigrationReplayError:
        offset = each.rendering.origin(min(statement.start + at, statement.end))
        line, column = line_column(each.file.text, offset)
        remedy = "What it needs besides its own schema must be there, and what it makes outside of it must not"
        return MigrationReplayError(
            each.file.file, fact, schema=self._schema, remedy=remedy, sqlstate=sqlstate, line=line, column=column
        )
