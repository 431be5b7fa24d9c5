"""`poolhouse migrations plan`."""

from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasContract, HasExitCode, Modules, migrations
from poolhouse.cli.migrations.schemas import Schemas, in_schemas, in_schemas_unasked, with_needed
from poolhouse.cli.verb import verb
from poolhouse.migrations.psql import psql_script

IsOffline = Annotated[bool, typer.Option("--offline", help="Ask no database: the plan for an empty one.")]


@verb(
    migrations,
    examples=[
        "poolhouse migrations plan",
        "poolhouse migrations plan | psql postgresql://localhost/shop",
        "poolhouse migrations plan --offline users > install.sql",
        "poolhouse migrations plan tenants --schema tenant_7 | psql postgresql://localhost/shop",
    ],
    json="{pending, sql, alike: [{module, schemas}]}; pending is true or false, and alike are schemas of modules that "
    "have many in which the same is pending",
)
async def plan(
    application: Application,
    modules: Modules = None,
    *,
    schemas: Schemas = None,
    contract: HasContract = False,
    is_offline: IsOffline = False,
    exit_code: HasExitCode = False,
) -> Answer:
    """Print the SQL that `up` would send, what the named modules depend on included.

    psql runs it as it is, and records in the ledger what it applied, so that no start applies it again. It refuses to
    run where something was migrated since it was made. Where a module has many schemas, what is pending in them is
    shown as a comment, once for all that stand alike; name a schema to have it for psql.
    """
    every = application.sets()
    named = application.sets(modules or ())
    if is_offline:
        wanted = with_needed(in_schemas_unasked(named, schemas), every)
        sql, alike = await psql_script(wanted, contract=contract, offline=True)
    else:
        async with application.migrating() as every:
            chosen = await in_schemas([each for each in every if not modules or each.module in modules], schemas)
            sql, alike = await psql_script(with_needed(chosen, every), contract=contract)
    data = {
        "pending": bool(sql),
        "sql": sql,
        "alike": [{"module": module, "schemas": list(each)} for (module, _), each in alike.items()],
    }
    code = ExitCode.PENDING if sql and exit_code else ExitCode.FINE
    return Answer(data, (sql.rstrip("\n") or "-- Nothing is pending.",), code)
