"""What the database knows of its migrations: reading the head and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from poolhouse._core.literal import literal
from poolhouse._core.plan import Head, LedgerRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg.pool import PoolConnectionProxy

    from poolhouse._core.migration_file import LoadedMigrations


class Standing(NamedTuple):
    """Where one module stands in one schema."""

    head: Head | None
    has_schema: bool


# Types that the driver knows by itself only, so that it asks the server nothing else.
_HEADS = """
SELECT head.version, head.digest, head.dirty, space.nspname IS NOT NULL AS has_schema
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (module, schema_name, place)
LEFT JOIN poolhouse.head AS head USING (module, schema_name)
LEFT JOIN pg_catalog.pg_namespace AS space ON space.nspname = wanted.schema_name::name
ORDER BY wanted.place
"""

_LEDGER = """
SELECT head.version AS head_version, head.digest, head.dirty, ledger.version, ledger.name, ledger.checksum
FROM (SELECT $1::text AS module, $2::text AS schema_name) AS wanted
LEFT JOIN poolhouse.head AS head USING (module, schema_name)
LEFT JOIN poolhouse.ledger AS ledger USING (module, schema_name)
ORDER BY ledger.version
"""


async def read_standings(
    connection: PoolConnectionProxy[Any], wanted: Sequence[LoadedMigrations]
) -> tuple[Standing, ...]:
    """Return where each of `wanted` stands, in one statement that needs SELECT on poolhouse.head and nothing else."""
    modules, schemas = [each.module for each in wanted], [each.schema for each in wanted]
    rows = await connection.fetch(_HEADS, modules, schemas)
    return tuple(
        Standing(
            None if row["version"] is None else Head(row["version"], row["digest"], row["dirty"]), row["has_schema"]
        )
        for row in rows
    )


async def read_ledger(
    connection: PoolConnectionProxy[Any], wanted: LoadedMigrations
) -> tuple[Head | None, tuple[LedgerRow, ...]]:
    """Return the head and the applied migrations of `wanted`, both of the same moment."""
    rows = await connection.fetch(_LEDGER, wanted.module, wanted.schema)
    first = rows[0]
    head = None if first["head_version"] is None else Head(first["head_version"], first["digest"], first["dirty"])
    applied = (LedgerRow(row["version"], row["name"], row["checksum"]) for row in rows if row["version"] is not None)
    return head, tuple(applied)


def forget(module: str, schema: str) -> str:
    """Return the SQL that makes the database forget all migrations of a module in a schema."""
    where = f"WHERE module = {literal(module)} AND schema_name = {literal(schema)}"
    return f"DELETE FROM poolhouse.head {where}; DELETE FROM poolhouse.ledger {where};"
