"""`poolhouse migrations verify`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasExitCode, Modules, Timeout, migrations
from poolhouse.cli.verb import verb
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.catalogue import VerifyResult
from poolhouse.migrations.catalogue import verify as verify_schema

ComparesOwners = Annotated[bool, typer.Option("--owners", help="Compare who owns what, too.")]
IgnoresGrants = Annotated[bool, typer.Option("--no-grants", help="Do not compare who may do what.")]


@verb(
    migrations,
    examples=["poolhouse migrations verify", "poolhouse migrations verify users --exit-code --json"],
    json="{schemas: [{schema, versions: {module: version}, clean, differences: [{place, kind, name, aspect, expected, "
    "actual}], seconds}]}",
)
async def verify(
    application: Application,
    modules: Modules = None,
    *,
    owners: ComparesOwners = False,
    no_grants: IgnoresGrants = False,
    timeout: Timeout = None,
    exit_code: HasExitCode = False,
) -> Answer:
    """Compare the schemas with what their migrations make when they are run again.

    The replay happens on empty tables in a transaction that is always rolled back: nobody sees any of it. It takes the
    rights of a migration, and keeps others from migrating the schema meanwhile.
    """
    chosen = {each.db.schema for each in application.sets(modules or ())}
    async with application.migrating() as sets:
        together = _by_schema(each for each in sets if each.db.schema in chosen)
        found = [await verify_schema(*each, timeout=timeout, owners=owners, grants=not no_grants) for each in together]
    code = ExitCode.PENDING if exit_code and not all(each.is_clean for each in found) else ExitCode.FINE
    return Answer({"schemas": [_described(each) for each in found]}, tuple(map(str, found)), code)


def _by_schema(sets: Iterable[MigrationSet]) -> list[list[MigrationSet]]:
    by_schema: dict[tuple[int, str], list[MigrationSet]] = {}
    for each in sets:
        by_schema.setdefault((id(each.db.pool), each.db.schema), []).append(each)
    return list(by_schema.values())


def _described(result: VerifyResult) -> dict[str, object]:
    return {
        "schema": result.schema,
        "versions": dict(result.versions),
        "clean": result.is_clean,
        "differences": [
            {
                "place": each.place,
                "kind": each.kind,
                "name": each.name,
                "aspect": each.aspect,
                "expected": each.expected,
                "actual": each.actual,
            }
            for each in result.differences
        ],
        "seconds": round(result.seconds, 3),
    }
