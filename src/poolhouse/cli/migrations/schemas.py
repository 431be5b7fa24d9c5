"""Choosing single schemas of sets of many."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated

import typer

from poolhouse._core.listing import some_of
from poolhouse._core.suggestion import nearest
from poolhouse.cli.application import Application
from poolhouse.errors import CommandError, MigrationFilesError
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.schemas import schemas_of


def complete_schemas(incomplete: str) -> Iterator[str]:
    """Yield the names of schemas that begin with `incomplete`, without those that only a database knows."""
    try:
        sets = Application().sets()
    except (Exception, SystemExit):  # noqa: BLE001 - a shell that completes is no place for errors
        return
    names: set[str] = set()
    for each in sets:
        if not isinstance(each.schemas, str):
            names.update((each.db.schema,) if each.schemas is None else each.schemas)
    yield from sorted(name for name in names if name.startswith(incomplete))


Schemas = Annotated[
    list[str] | None,
    typer.Option(
        "--schema",
        metavar="NAME",
        help="Only in this schema; may be said several times.",
        autocompletion=complete_schemas,
    ),
]
AllSchemas = Annotated[bool, typer.Option("--all-schemas", help="In all schemas of a module that has many.")]


async def in_schemas(sets: Sequence[MigrationSet], names: Sequence[str] | None) -> tuple[MigrationSet, ...]:
    """Return the sets of the named schemas, a set of many as one for each of them; without names all as they are.

    Raises CommandError for a schema that none of them has.
    """
    if not names:
        return tuple(sets)
    return _named({each: dict.fromkeys(await schemas_of(each)) for each in sets}, names)


def in_schemas_unasked(sets: Sequence[MigrationSet], names: Sequence[str] | None) -> tuple[MigrationSet, ...]:
    """Return as `in_schemas` does without a database, which is why a query of schemas is taken to know every name."""
    if not names:
        return tuple(sets)
    known: dict[MigrationSet, Collection[str]] = {}
    for each in sets:
        own = (each.db.schema,) if each.schemas is None else each.schemas
        known[each] = names if isinstance(own, str) else dict.fromkeys(own)
    return _named(known, names)


def _named(known: Mapping[MigrationSet, Collection[str]], names: Sequence[str]) -> tuple[MigrationSet, ...]:
    for name in names:
        if not any(name in schemas for schemas in known.values()):
            raise _unknown(name, [*known], [*dict.fromkeys(name for schemas in known.values() for name in schemas)])
    return tuple(
        each if each.schemas is None else each.for_schema(name)
        for each, schemas in known.items()
        for name in dict.fromkeys(names)
        if name in schemas
    )


def with_needed(chosen: Sequence[MigrationSet], every: Sequence[MigrationSet]) -> tuple[MigrationSet, ...]:
    """Return sets together with those of `every` whose modules their files depend on, which come first.

    Of many schemas, a single one needs what the other module has in the same.
    """
    found: list[MigrationSet] = [*chosen]
    following: list[MigrationSet] = [*chosen]
    while following:
        one = following.pop()
        named = _named_by(one)
        known = {each.module for each in found}
        needed = [each for each in every if each.module in named - known]
        new = [each.for_schema(one.db.schema) if each.schemas and one.schemas is None else each for each in needed]
        found = [*new, *found]
        following += new
    return tuple(found)


def _named_by(migrations: MigrationSet) -> set[str]:
    try:
        loaded = migrations.load()
    except MigrationFilesError:
        # Whatever is done with the files tells what is wrong with them, of all at once.
        return set()
    return {need.module for file in (*loaded.files, *loaded.repeatables) for need in file.directives.depends}


async def in_each_schema(
    sets: Sequence[MigrationSet], names: Sequence[str] | None, *, is_all: bool = False, can_all: bool = True
) -> tuple[MigrationSet, ...]:
    """Return as `in_schemas` does, and where `is_all` a set for each schema of a set of many.

    `can_all` says whether that could have been meant. Raises CommandError where neither says which schemas of such a
    set are meant, or both do.
    """
    refuse_both(names, is_all=is_all)
    many = [each for each in sets if each.schemas is not None]
    if many and not names and not is_all:
        fact = f"module {many[0].module!r} has many schemas"
        every = ", or all of them with --all-schemas" if can_all else ""
        raise CommandError(fact, remedy=f"Say which are meant, with --schema NAME, once or several times{every}")
    if not is_all:
        return await in_schemas(sets, names)
    found: list[MigrationSet] = []
    for each in sets:
        found += [each] if each.schemas is None else [each.for_schema(name) for name in await schemas_of(each)]
    return tuple(found)


def refuse_both(names: Sequence[str] | None, *, is_all: bool) -> None:
    """Raise CommandError where schemas are named and all are meant."""
    if names and is_all:
        raise CommandError("there are --schema and --all-schemas", remedy="Say one of them")


def _unknown(name: str, sets: Sequence[MigrationSet], known: Sequence[str]) -> CommandError:
    modules = ", ".join(dict.fromkeys(each.module for each in sets))
    close = nearest(name, known)
    remedy = f"Did you mean {close}?" if close else f"Known: {some_of(known)}" if known else "There are none yet"
    return CommandError(f"no schema {name!r} is migrated by {modules}", remedy=remedy)
