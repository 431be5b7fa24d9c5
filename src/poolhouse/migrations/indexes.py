"""Indexes that are built outside of transactions: whether they are valid, and what is left of those that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from poolhouse._core.statement_kind import StatementKind, concurrent_index, kind_of
from poolhouse.migrations.attempt import UNLIMITED

if TYPE_CHECKING:
    import asyncpg

    from poolhouse._core.statement_kind import ConcurrentIndex

# PostgreSQL folds and cuts a name as it does in a statement: parse_ident() and the type name.
_OF_TABLE = """
SELECT pg_catalog.format('%I.%I', space.nspname, index.relname) AS name,
    facts.indisvalid AND facts.indisready AND facts.indislive AS is_valid,
    EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index WHERE index_relid = index.oid) AS is_being_built
FROM pg_catalog.pg_index AS facts
JOIN pg_catalog.pg_class AS index ON index.oid = facts.indexrelid
JOIN pg_catalog.pg_namespace AS space ON space.oid = index.relnamespace
WHERE facts.indrelid = pg_catalog.to_regclass($1) AND index.relname = (pg_catalog.parse_ident($2))[1]::name
"""

_IS_VALID = """
SELECT indisvalid AND indisready AND indislive FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)
"""

# REINDEX builds a copy beside each index, and keeps the old one until the new one has its place.
_COPIES = """
WITH named AS (
    SELECT coalesce(facts.indrelid, class.oid) AS oid
    FROM pg_catalog.pg_class AS class LEFT JOIN pg_catalog.pg_index AS facts ON facts.indexrelid = class.oid
    WHERE class.oid = pg_catalog.to_regclass($1)
), tables AS (
    SELECT oid FROM named
    UNION SELECT class.reltoastrelid FROM pg_catalog.pg_class AS class JOIN named ON named.oid = class.oid
)
SELECT pg_catalog.format('%I.%I', space.nspname, copy.relname) AS name
FROM pg_catalog.pg_index AS facts
JOIN tables ON tables.oid = facts.indrelid
JOIN pg_catalog.pg_class AS copy ON copy.oid = facts.indexrelid
JOIN pg_catalog.pg_namespace AS space ON space.oid = copy.relnamespace
WHERE NOT facts.indisvalid AND copy.relname ~ '_cc(new|old)[0-9]*$'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS work WHERE work.relid = facts.indrelid)
"""


class IndexState(NamedTuple):
    """An index as the catalogue has it; `is_being_built` by a session that works on it now."""

    name: str
    is_valid: bool
    is_being_built: bool


async def has_taken_effect(connection: asyncpg.Connection[Any], statement: str) -> bool:
    """Whether a statement on an index that was interrupted had come to its end."""
    kind = kind_of(statement)
    if kind is StatementKind.CREATE_INDEX:
        state = await _state(connection, concurrent_index(statement))
        return state is not None and state.is_valid
    if kind is StatementKind.DROP_INDEX:
        return bool(await connection.fetchval("SELECT to_regclass($1) IS NULL", concurrent_index(statement).name))
    return False


async def clear_the_way(connection: asyncpg.Connection[Any], statement: str, *, is_resumed: bool) -> None:
    """Drop what an interrupted or failed run of `statement` has left, so that it can be run from its beginning.

    IF NOT EXISTS is content with an invalid index, which is therefore dropped at the first run too.
    """
    kind = kind_of(statement)
    if kind is StatementKind.CREATE_INDEX:
        index = concurrent_index(statement)
        state = await _state(connection, index) if is_resumed or index.only_if_missing else None
        if state is not None and not state.is_valid and not state.is_being_built:
            await _drop(connection, state.name)
    elif kind is StatementKind.REINDEX and is_resumed:
        for copy in await _copies(connection, concurrent_index(statement)):
            await _drop(connection, copy)


async def has_left_invalid(connection: asyncpg.Connection[Any], statement: str) -> bool:
    """Whether a statement that the server is done with has left an index that cannot be used."""
    kind = kind_of(statement)
    if kind is StatementKind.CREATE_INDEX:
        state = await _state(connection, concurrent_index(statement))
        return state is None or not state.is_valid
    if kind is StatementKind.REINDEX:
        index = concurrent_index(statement)
        is_valid = True if index.name is None else await connection.fetchval(_IS_VALID, index.name)
        return not is_valid or bool(await _copies(connection, index))
    return False


async def _state(connection: asyncpg.Connection[Any], index: ConcurrentIndex) -> IndexState | None:
    row = await connection.fetchrow(_OF_TABLE, index.table, index.name)
    return IndexState(*row) if row else None


async def _copies(connection: asyncpg.Connection[Any], index: ConcurrentIndex) -> list[str]:
    return [row["name"] for row in await connection.fetch(_COPIES, index.name or index.table)]


async def _drop(connection: asyncpg.Connection[Any], name: str) -> None:
    await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", timeout=UNLIMITED)
