"""`poolhouse migrations verify`."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from poolhouse._core.listing import some_of
from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasExitCode, Modules, Timeout, migrations
from poolhouse.cli.migrations.schemas import Schemas, in_schemas
from poolhouse.cli.verb import verb
from poolhouse.migrations.catalogue import VerifyResult
from poolhouse.migrations.catalogue.many import verify_all
from poolhouse.migrations.schemas import schemas_of
from poolhouse.roles import expected_rights
from poolhouse.settings import ServiceRoles

_TOLD = 10  # schemas whose differences are shown

ComparesOwners = Annotated[bool, typer.Option("--owners", help="Compare who owns what, too.")]
IgnoresGrants = Annotated[bool, typer.Option("--no-grants", help="Do not compare who may do what.")]


@verb(
    migrations,
    examples=[
        "poolhouse migrations verify",
        "poolhouse migrations verify users --exit-code --json",
        "poolhouse migrations verify tenants --schema tenant_7",
    ],
    json="{schemas: [{schema, versions: {module: version}, clean, differences: [{place, kind, name, aspect, expected, "
    "actual}], seconds}]}",
)
async def verify(
    application: Application,
    modules: Modules = None,
    *,
    schemas: Schemas = None,
    owners: ComparesOwners = False,
    no_grants: IgnoresGrants = False,
    timeout: Timeout = None,
    exit_code: HasExitCode = False,
) -> Answer:
    """Compare the schemas with what their migrations make when they are run again.

    The replay happens on empty tables in a transaction that is always rolled back: nobody sees any of it. It takes the
    rights of a migration, and keeps others from migrating the schema meanwhile. Where a module has many schemas, those
    that stand alike are compared with one replay, and only a schema that differs from it with a replay of its own.

    Rights are expected as the migrations give them, and as services' roles are to have them unless service_roles is
    off: what is missing of either is a difference, and so is what goes beyond.
    """
    application.sets(modules or ())
    async with application.migrating() as sets:
        chosen = await in_schemas([each for each in sets if not modules or each.module in modules], schemas)
        found: list[VerifyResult] = []
        for pool in dict.fromkeys(each.db.pool for each in chosen):
            names = [name for each in chosen if each.db.pool is pool for name in await schemas_of(each)]
            together = [each for each in sets if each.db.pool is pool]
            parts = application.role_parts(ServiceRoles.MANAGED, ServiceRoles.EXISTING)
            rights = None if no_grants else await expected_rights(pool, parts)
            found += await verify_all(
                together, names, timeout=timeout, owners=owners, grants=not no_grants, rights=rights
            )
    code = ExitCode.PENDING if exit_code and not all(each.is_clean for each in found) else ExitCode.FINE
    return Answer({"schemas": [_described(each) for each in found]}, tuple(_shown(found)), code)


def _shown(found: Sequence[VerifyResult]) -> Iterator[str]:
    clean: dict[tuple[tuple[str, int], ...], list[VerifyResult]] = {}
    for each in found:
        if each.is_clean:
            clean.setdefault(each.versions, []).append(each)
    for versions, alike in clean.items():
        if len(alike) == 1:
            yield str(alike[0])
        else:
            at = ", ".join(f"{module} {version}" for module, version in versions)
            yield f"{some_of([each.schema for each in alike])} ({at}): as their migrations make them"
    unlike = [each for each in found if not each.is_clean]
    yield from map(str, unlike[:_TOLD])
    if len(unlike) > _TOLD:
        yield f"{some_of([each.schema for each in unlike[_TOLD:]])} differ too; the JSON has all."


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
