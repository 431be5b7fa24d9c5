"""`poolhouse psql`."""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from typing import Annotated, Any

import typer

from poolhouse._core.libpq import environment_of, settings_of
from poolhouse._core.roles import role_of
from poolhouse._core.session_name import session_name
from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.services import complete_services, manager_of
from poolhouse.cli.verb import verb
from poolhouse.container import pools
from poolhouse.embedded.locator import locate_binaries
from poolhouse.errors import BinariesNotFoundError, CommandError
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import Pooler, ServiceRoles

group = typer.Typer()

_MASKED = "********"
_SECRETS = ("PGPASSWORD",)
_STANDS = "SELECT to_regnamespace($1) IS NOT NULL, $2::text IS NULL OR to_regrole($2) IS NOT NULL"

Service = Annotated[
    str | None,
    typer.Argument(
        metavar="SERVICE",
        help="Look at the database as this service: its schema comes first, and its role speaks.",
        autocompletion=complete_services,
    ),
]
Command = Annotated[str | None, typer.Option("--command", "-c", metavar="SQL", help="Run this, and exit.")]
IsPrinted = Annotated[bool, typer.Option("--print", help="Print what would be run, without secrets, and exit.")]


@verb(
    group,
    examples=["poolhouse psql", "poolhouse psql users", 'poolhouse psql users -c "SELECT count(*) FROM users"'],
    json="{command, environment} of what is run; secrets are masked",
)
async def psql(
    application: Application, service: Service = None, *, command: Command = None, is_printed: IsPrinted = False
) -> Answer:
    """Open psql on the application's database, as one of its services or as the login role.

    An embedded PostgreSQL runs for the time of the shell, or is the one that the application runs on at the moment.
    The password goes into the environment of psql, and is neither printed nor in the list of processes. Behind a pooler
    the way past it, migration_dsn, is taken where one is set.

    Exit codes: psql's own; 2 usage, 3 it cannot be run, 130 interrupted.
    """
    manager = None if service is None else manager_of(application.container, service)
    async with application.migrating():
        pool = _pool(application) if manager is None else manager.pool
        role = None if manager is None else await _role(manager)
        environment = _environment(pool, manager, role)
        program = ["psql"] if command is None else ["psql", "-c", command]
        shown = {name: _MASKED if name in _SECRETS else value for name, value in environment.items()}
        data = {"command": program, "environment": shown}
        if is_printed:
            lines = (*(f"{name}={value}" for name, value in shown.items()), " ".join(program))
            return Answer(data, lines)
        return Answer(data, code=await _run([_program(application), *program[1:]], environment))


def _pool(application: Application) -> SharedPool:
    found = pools(application.container)
    if len(found) != 1:
        fact = f"the container has {len(found) or 'no'} pools"
        raise CommandError(fact, remedy="Name a service, whose pool it is" if found else "Declare a SharedPool")
    return found[0]


async def _role(manager: SchemaManager) -> str | None:
    settings = manager.pool.settings
    is_on = settings.service_roles is not ServiceRoles.OFF
    role = role_of(manager.service, settings.role_prefix) if is_on else None
    async with manager.pool.lease("poolhouse") as use:
        connection: Any = use.lease.connection
        [(has_schema, has_role)] = await connection.fetch(_STANDS, _quoted(manager.schema), _quoted(role))
    if not has_schema or not has_role:
        missing = f"the schema {manager.schema!r}" if not has_schema else f"the role {role!r}"
        raise CommandError(f"{missing} is not there yet", remedy="Run: poolhouse migrations up")
    return role


def _quoted(name: str | None) -> str | None:
    return None if name is None else '"{}"'.format(name.replace('"', '""'))


def _environment(pool: SharedPool, manager: SchemaManager | None, role: str | None) -> dict[str, str]:
    settings = pool.settings
    is_pooled = settings.pooler in {Pooler.SESSION, Pooler.TRANSACTION} and settings.migration_dsn is not None
    dsn = settings.migration_dsn if is_pooled else pool.dsn
    assert dsn is not None  # noqa: S101 - the pool is open
    schema = None if manager is None else manager.schema
    return environment_of(
        dsn.get_secret_value(),
        application_name=session_name(settings.application_name, "psql"),
        settings=settings_of(schema, role),
    )


def _program(application: Application) -> str:
    """Return psql: the one beside the embedded server's binaries where one is embedded, else the system's."""
    with suppress(BinariesNotFoundError):
        embedded: Any = getattr(application.settings, "embedded", None)
        if embedded is not None and embedded.enabled:
            beside = locate_binaries(embedded.binaries) / "psql"
            if beside.is_file():
                return str(beside)
    found = shutil.which("psql")
    if found is None:
        with suppress(BinariesNotFoundError):
            beside = locate_binaries() / "psql"
            if beside.is_file():
                return str(beside)
        raise CommandError("there is no psql on this machine", remedy="Install PostgreSQL's client, or see --print")
    return found


async def _run(program: list[str], environment: dict[str, str]) -> ExitCode:
    process = await asyncio.create_subprocess_exec(*program, env={**_inherited(), **environment})
    # Ctrl-C is psql's own: it ends a statement, and not the shell.
    before = signal.signal(signal.SIGINT, _leave)
    try:
        code = await process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        if process.returncode is None:
            process.terminate()
            await process.wait()
    known = {int(each) for each in ExitCode}
    return ExitCode(code) if code in known else ExitCode.TERMINATED if code < 0 else ExitCode.FAILED


def _leave(*_: object) -> None:
    """Leave a signal to psql. SIG_IGN would be inherited by it."""


def _inherited() -> dict[str, str]:
    kept = {"PGPASSFILE", "PGCLIENTENCODING", "PGTZ"}
    return {name: value for name, value in os.environ.items() if not name.startswith("PG") or name in kept}
