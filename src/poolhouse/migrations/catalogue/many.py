"""Comparing many schemas with what their migrations make, by one replay for all that stand alike."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.catalogue import compare
from poolhouse._core.plan import applied_files
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.catalogue.reading import read_catalogue
from poolhouse.migrations.catalogue.rights import without_needless
from poolhouse.migrations.catalogue.verifying import VerifyResult, catalogue_of, verify
from poolhouse.migrations.groups import groups_of
from poolhouse.migrations.planning import sought_by
from poolhouse.migrations.schemas import schemas_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from poolhouse._core.catalogue import Catalogue
    from poolhouse.migrations.catalogue.rights import Rights
    from poolhouse.migrations.groups import Group
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.pool import SharedPool

_AT_ONCE = 4  # schemas that are read at the same time


class _Place(NamedTuple):
    """A set, and the schemas of it that stand alike."""

    migrations: MigrationSet
    group: Group


async def verify_all(
    sets: Sequence[MigrationSet],
    schemas: Collection[str],
    *,
    timeout: float | None = None,
    owners: bool = False,
    grants: bool = True,
    rights: Rights | None = None,
) -> tuple[VerifyResult, ...]:
    """Compare each of `schemas` with what its migrations make, as `verify` does; the results are in their order.

    `sets` are all of one pool, which may have one schema or many. Schemas that stand alike are compared with one replay
    in the first of them, without keeping others from migrating them. Whatever is not as that, is verified by itself.
    """
    found: dict[str, VerifyResult] = {}
    for places, alike in (await _alike(sets, schemas)).items():
        begun = time.monotonic()
        if len(alike) > 1 and places and all(_is_plain(place.group) for place in places):
            expected = await _expected(places, alike[0], timeout=timeout, owners=owners, grants=grants, rights=rights)
            same = await _same(
                places[0].migrations.db.pool, expected, alike, owners=owners, grants=grants, rights=rights
            )
            for schema in same:
                found[schema] = VerifyResult(schema, _versions(places), (), time.monotonic() - begun)
        for schema in alike:
            if schema not in found:
                each = [_in(place.migrations, schema) for place in places]
                found[schema] = await verify(*each, timeout=timeout, owners=owners, grants=grants, rights=rights)
    return tuple(found[schema] for schema in dict.fromkeys(schemas) if schema in found)


async def _alike(sets: Sequence[MigrationSet], schemas: Collection[str]) -> Mapping[tuple[_Place, ...], list[str]]:
    """Return the schemas by where they stand in all the sets that have them."""
    wanted = dict.fromkeys(schemas)
    places: dict[str, list[_Place]] = {schema: [] for schema in wanted}
    for each in sets:
        own = [schema for schema in await schemas_of(each) if schema in wanted]
        for group in await _groups(each, own):
            for schema in group.schemas:
                places[schema].append(_Place(each, group))
    alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for schema in wanted:
        alike[tuple(id(place.group) for place in places[schema])].append(schema)
    return {tuple(places[some[0]]): some for some in alike.values()}


async def _groups(migrations: MigrationSet, schemas: Sequence[str]) -> list[Group]:
    loaded = migrations.load()
    with translated():
        async with Access(migrations.db.pool).looking() as connection:
            _, standings = await sought_by(connection, loaded.module, schemas)
            return await groups_of(connection, loaded, standings)


def _is_plain(group: Group) -> bool:
    """Whether the files say what was applied, and nothing stands in the way of a replay."""
    return not group.drift(group.schemas[0]) and not group.plan().ahead and "public" not in group.schemas


async def _expected(
    places: Sequence[_Place], schema: str, *, timeout: float | None, owners: bool, grants: bool, rights: Rights | None
) -> Catalogue:
    files = [file for each in places for file in applied_files(each.group.loaded, each.group.plan().applied)]
    reads = {read for each in places for read in each.migrations.db.reads}
    pool = places[0].migrations.db.pool
    return await catalogue_of(
        files, pool, schema=schema, reads=reads, timeout=timeout, owners=owners, grants=grants, rights=rights
    )


async def _same(
    pool: SharedPool, expected: Catalogue, schemas: Sequence[str], *, owners: bool, grants: bool, rights: Rights | None
) -> list[str]:
    """Return those of `schemas` that hold what is expected."""
    waiting, same = iter(schemas), list[str]()
    roles = rights.roles if rights is not None else ()
    expected = without_needless(expected, roles)

    async def work() -> None:
        for schema in waiting:
            with translated():
                async with pool.lease("poolhouse") as lease:
                    actual = await read_catalogue(lease.connection, schema, owners=owners, grants=grants)
            if not compare(expected, without_needless(actual, roles)):
                same.append(schema)

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, min(_AT_ONCE, pool.settings.max_size - 1))):
            group.create_task(work())
    return same


def _versions(places: Sequence[_Place]) -> tuple[tuple[str, int], ...]:
    heads = ((each.migrations.module, each.group.standing.head) for each in places)
    return tuple((module, head.version if head else 0) for module, head in heads)


def _in(migrations: MigrationSet, schema: str) -> MigrationSet:
    return migrations if migrations.schemas is None else migrations.for_schema(schema)
