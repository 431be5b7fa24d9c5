"""Schemas of sets of many that stand for all that stand alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.files import read_folder
from poolhouse.migrations.groups import groups_of, refuse_drift
from poolhouse.migrations.reading import load_all
from poolhouse.migrations.schemas import look_early

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.migrations.migration_set import MigrationSet


class Examples(NamedTuple):
    """Sets of one schema: those that were, and one for each way in which something is pending in a set of many.

    `schemas` are by module and schema those that an example stands for, and `unknown` the sets whose query cannot be
    asked yet.
    """

    sets: Sequence[MigrationSet]
    schemas: Mapping[tuple[str, str], tuple[str, ...]]
    unknown: Sequence[LoadedMigrations]


async def examples_of(sets: Sequence[MigrationSet], *, contract: bool = False) -> Examples:
    """Return the examples for `sets`; raises MigrationFilesError and MigrationDriftError as `migrate`."""
    load_all(sets)
    found: list[MigrationSet] = [each for each in sets if each.schemas is None]
    alike: dict[tuple[str, str], tuple[str, ...]] = {}
    unknown: list[LoadedMigrations] = []
    for each in sets:
        if each.schemas is None:
            continue
        schemas = await _pending(each, contract=contract)
        if schemas is None:
            unknown.append(each.load())
            continue
        alike |= {(each.module, some[0]): some for some in schemas}
        found += [each.for_schema(some[0]) for some in schemas]
    return Examples(found, alike, unknown)


def examples_of_lists(sets: Sequence[MigrationSet]) -> Examples:
    """Return the examples for `sets` in an empty database, which is not asked."""
    load_all(sets)
    lists = [each for each in sets if each.schemas and not isinstance(each.schemas, str)]
    queries = [each.load() for each in sets if isinstance(each.schemas, str)]
    alike = {(each.module, each.schemas[0]): tuple(each.schemas) for each in lists if each.schemas}
    examples = [each.for_schema(each.schemas[0]) for each in lists if each.schemas]
    return Examples([*(each for each in sets if each.schemas is None), *examples], alike, queries)


async def _pending(migrations: MigrationSet, *, contract: bool) -> list[tuple[str, ...]] | None:
    access, written = Access(migrations.db.pool), migrations.written(read_folder(migrations.directory))
    loaded = written.load()
    found = await look_early(migrations, access, written)
    if found is None:
        return None
    with translated():
        async with access.looking() as connection:
            groups = await groups_of(connection, loaded, found.behind)
    refuse_drift(groups)
    return [group.schemas for group in groups if group.plan(contract=contract).pending]
