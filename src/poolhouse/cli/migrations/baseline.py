"""`poolhouse migrations baseline`."""

from typing import Annotated

import typer

from poolhouse._core.listing import some_of
from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Timeout, chosen_up_to, complete_modules, migrations
from poolhouse.cli.migrations.schemas import AllSchemas, Schemas, in_each_schema
from poolhouse.cli.verb import verb
from poolhouse.migrations.baseline import BaselineReport
from poolhouse.migrations.baseline import baseline as baseline_of
from poolhouse.migrations.schemas import migrated_schemas_of
from poolhouse.roles import expected_rights
from poolhouse.settings import ServiceRoles

SomeModules = Annotated[
    list[str],
    typer.Argument(metavar="MODULE", help="Modules of migrations.", autocompletion=complete_modules),
]
To = Annotated[
    int | None, typer.Option(metavar="VERSION", help="Record nothing above this version; for one module only.", min=0)
]
AcceptsDifferences = Annotated[
    bool, typer.Option("--accept-differences", help="Record also where the schema is not what the migrations make.")
]


@verb(
    migrations,
    examples=[
        "poolhouse migrations baseline users",
        "poolhouse migrations baseline users --to 7",
        "poolhouse migrations baseline tenants --all-schemas",
    ],
    json="{modules: [{module, schema, baselined, differences}], skipped}; skipped are schemas that have migrations "
    "already, with --all-schemas",
)
async def baseline(
    application: Application,
    modules: SomeModules,
    *,
    to: To = None,
    schemas: Schemas = None,
    is_all: AllSchemas = False,
    accept_differences: AcceptsDifferences = False,
    timeout: Timeout = None,
) -> Answer:
    """Record migrations as applied without running them, on a schema that was made by other means.

    The schema is compared with what the migrations make when they are run, and has to be the same; what differs is
    told, and can be accepted. Where something was migrated before, nothing is recorded. With --all-schemas such a
    schema of a module that has many is left as it is, so that it can be said again after another schema was refused.
    """
    async with application.migrating(modules) as sets:
        named = sets if to is None else chosen_up_to(sets, to)
        wanted = await in_each_schema(named, schemas, is_all=is_all)
        many = [each for each in named if is_all and each.schemas is not None]
        skipped = {(each.module, schema) for each in many for schema in await migrated_schemas_of(each)}
        parts = application.role_parts(ServiceRoles.MANAGED, ServiceRoles.EXISTING)
        rights = {pool: await expected_rights(pool, parts) for pool in {each.db.pool for each in wanted}}
        found = [
            await baseline_of(each, accept_differences=accept_differences, rights=rights[each.db.pool], timeout=timeout)
            for each in wanted
            if (each.module, each.db.schema) not in skipped
        ]
    rows = tuple((each.module, each.schema, _recorded(each), str(len(each.differences))) for each in found)
    table = Table(("MODULE", "SCHEMA", "RECORDED", "DIFFERENCES"), rows)
    data: dict[str, object] = {"modules": [_described(each) for each in found]}
    if not is_all:
        return Answer(data, (table,))
    left = [schema for _, schema in sorted(skipped)]
    shown = (f"Migrated already, and left as they are: {some_of(left)}.",) if left else ()
    return Answer({**data, "skipped": left}, (table, *shown))


def _recorded(report: BaselineReport) -> str:
    first, last = report.versions[0], report.versions[-1]
    return f"{first:04}" if first == last else f"{first:04} to {last:04}"


def _described(report: BaselineReport) -> dict[str, object]:
    return {
        "module": report.module,
        "schema": report.schema,
        "baselined": list(report.versions),
        "differences": [str(each) for each in report.differences],
    }
