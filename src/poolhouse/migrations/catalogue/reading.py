"""Reading the catalogue of one schema from the server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from poolhouse._core.catalogue import Catalogue, CatalogueEntry
from poolhouse._core.identifiers import quote_identifier
from poolhouse.migrations.catalogue import parts, relations, routines, types
from poolhouse.migrations.catalogue.fragments import PREAMBLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import asyncpg

_QUERIES = (*types.QUERIES, *relations.QUERIES, *parts.QUERIES, *routines.QUERIES)
_STATEMENT = f"{PREAMBLE}{' UNION ALL '.join(f'({query})' for query in _QUERIES)}"

# What definitions are written with, so that two sessions write the same; and compiling a query that is run once takes
# longer than running it.
_SETTINGS = {
    "bytea_output": "hex",
    "datestyle": "ISO, YMD",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "jit": "off",
    "quote_all_identifiers": "off",
    "timezone": "UTC",
}
_SET = "SELECT pg_catalog.set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS setting (name, value)"

_OWN_SCHEMA = "{{schema}}"
_PLAIN_NAME = re.compile("[a-z_][a-z0-9_$]*")


async def read_catalogue(
    connection: asyncpg.Connection[Any],
    schema: str,
    *,
    owners: bool = False,
    grants: bool = True,
) -> Catalogue:
    """Return what `schema` holds; without any entry when there is no such schema.

    Two statements, and no locks but those of reading the system catalogues; works on a read-only replica. The settings
    of the session are as before afterwards, inside a transaction too. Without `owners` it is left out who owns
    what; without `grants`, who may do what.

    Left out besides: rows, the current values of sequences, whether materialized views are filled, the members of
    extensions, the names of NOT NULL constraints, security labels, and what has no schema, such as casts,
    publications and event triggers. In the bodies of functions `{{schema}}` stands for the schema's own quoted name,
    and definitions do not name it, so that catalogues of different schemas compare; only what is named like something
    of `pg_catalog` keeps the name of its schema in front.
    """
    # Rolled back, since a savepoint that is released would leave its settings to the transaction around it.
    transaction = connection.transaction()
    await transaction.start()
    try:
        settings = {**_SETTINGS, "search_path": f"pg_catalog, {quote_identifier(schema)}, pg_temp"}
        await connection.fetch(_SET, list(settings), list(settings.values()))
        rows = await connection.fetch(_STATEMENT, schema)
    finally:
        await transaction.rollback()
    entries = (_entry(row, schema, owners=owners, grants=grants) for row in rows)
    return Catalogue(schema, tuple(sorted(entries, key=lambda entry: entry.place)))


def _entry(row: Mapping[str, Any], schema: str, *, owners: bool, grants: bool) -> CatalogueEntry:
    found: dict[str, str | None] = json.loads(row["aspects"])
    return CatalogueEntry(
        kind=row["kind"],
        name=row["name"],
        place=row["place"],
        aspects=tuple(_aspects(found, schema, owners=owners, grants=grants)),
        owner=row["owner"],
        origins=tuple(row["origins"]),
        position=row["position"],
    )


def _aspects(found: Mapping[str, str | None], schema: str, *, owners: bool, grants: bool) -> Iterator[tuple[str, str]]:
    for name, value in sorted(found.items()):
        is_grant = "grants " in name
        if value is None or (name == "owner" and not owners) or (is_grant and not grants):
            continue
        yield name, _NEUTRAL[name](value, schema) if name in _NEUTRAL else value


def _neutral_body(body: str, schema: str) -> str:
    return body.replace(quote_identifier(schema), _OWN_SCHEMA)


def _neutral_configuration(configuration: str, schema: str) -> str:
    # The server puts a name in quotes where it must, and knows all keywords.
    plain = f"|{re.escape(schema)}" if _PLAIN_NAME.fullmatch(schema) else ""
    own = re.compile(rf"(?<=[= ])(?:{re.escape(quote_identifier(schema))}{plain})(?=,|$)")
    return "\n".join(
        own.sub(_OWN_SCHEMA, line) if line.startswith("search_path=") else line for line in configuration.split("\n")
    )


# Only what a template can have rendered where the server does not look.
_NEUTRAL = {"body": _neutral_body, "configuration": _neutral_configuration}
