"""`poolhouse migrations plan`."""

from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasContract, HasExitCode, Modules, migrations
from poolhouse.cli.verb import verb
from poolhouse.migrations.psql import psql_script

IsOffline = Annotated[bool, typer.Option("--offline", help="Ask no database: the plan for an empty one.")]


@verb(
    migrations,
    examples=[
        "poolhouse migrations plan",
        "poolhouse migrations plan | psql postgresql://localhost/shop",
        "poolhouse migrations plan --offline users > install.sql",
    ],
    json="{pending, sql}; pending is true or false",
)
async def plan(
    application: Application,
    modules: Modules = None,
    *,
    contract: HasContract = False,
    is_offline: IsOffline = False,
    exit_code: HasExitCode = False,
) -> Answer:
    """Print the SQL that `up` would send.

    psql runs it as it is, and records in the ledger what it applied, so that no start applies it again. It refuses to
    run where something was migrated since it was made.
    """
    if is_offline:
        sql = await psql_script(application.sets(modules or ()), contract=contract, offline=True)
    else:
        async with application.migrating(modules or ()) as sets:
            sql = await psql_script(sets, contract=contract)
    code = ExitCode.PENDING if sql and exit_code else ExitCode.FINE
    return Answer({"pending": bool(sql), "sql": sql}, (sql.rstrip("\n") or "-- Nothing is pending.",), code)
