"""`poolhouse roles …`."""

import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, ExitCode, Table
from poolhouse.cli.application import Application
from poolhouse.cli.verb import verb
from poolhouse.errors import ServiceRolesError
from poolhouse.roles import RoleReport, RoleStatus, establish_roles, role_status
from poolhouse.settings import ServiceRoles

roles = typer.Typer(
    name="roles",
    help="Look at the PostgreSQL roles of an application's services, and see to it that they are as declared.",
    epilog="Exit codes: 0 fine, 1 something is missing (only with --exit-code), 2 usage, 3 failed, 130 interrupted.\n\n"
    "The application is what \\[tool.poolhouse] of the nearest pyproject.toml upwards names.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

HasExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something is missing.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="SECONDS", help="How long to wait for others who do the same; as in the settings else."
    ),
]

_ON = (ServiceRoles.MANAGED, ServiceRoles.EXISTING)
_NONE = "No service has a role: service_roles is off, or there is no service."
_HEAD = """\
-- Made by `poolhouse roles plan`, for psql. Each statement stands for itself: should one fail, plan again.
\\set ON_ERROR_STOP on
"""


@verb(
    roles,
    examples=["poolhouse roles status", "poolhouse roles status --json --exit-code"],
    json="{roles: [{service, role, address, state, missing, waiting}]}; state is 'in place', 'missing' or 'taken' (by "
    "a superuser or the login itself), missing and waiting are sentences, waiting for what does not exist yet",
)
async def status(application: Application, *, exit_code: HasExitCode = False) -> Answer:
    """Say of each service which role it works as, and what is missing.

    Roles, the login's right to take them on, rights to schemas, tables, sequences and routines, to those that
    migrations create later, declared reads, and what an earlier release has left. Nothing is changed, and no right is
    needed.
    """
    async with application.migrating():
        found = await role_status(application.role_parts(*_ON), revoke=True)
    rows = tuple((each.service, each.role, _state(each), _count(each)) for each in found)
    table = Table(("SERVICE", "ROLE", "STATE", "DETAIL"), rows) if found else _NONE
    shown = (table, *_sentences(found))
    return Answer({"roles": [_described(each) for each in found]}, shown, _code(found, exit_code=exit_code))


@verb(
    roles,
    examples=["poolhouse roles plan", "poolhouse roles plan | psql postgresql://postgres@localhost/shop"],
    json="{pending, sql}; pending is true or false",
)
async def plan(application: Application, *, exit_code: HasExitCode = False) -> Answer:
    """Print the SQL that `up` would run.

    For an administrator where the login may not create roles (CREATEROLE) or does not own the tables. psql runs it as
    it is, in the application's database.
    """
    async with application.migrating():
        found = await role_status(application.role_parts(*_ON), revoke=True)
    if taken := [each for each in found if each.is_taken]:
        missing = [sentence for each in taken for sentence in each.missing]
        fact = "the roles of services cannot be established: their names are taken"
        raise ServiceRolesError(fact, address=taken[0].address, missing=missing, sql="")
    sql = "\n".join((_HEAD, *_script(found))) if any(each.statements for each in found) else ""
    said = sql.rstrip("\n") or "-- Nothing is missing."
    return Answer({"pending": bool(sql), "sql": sql}, (said,), _code(found, exit_code=exit_code))


@verb(
    roles,
    examples=["poolhouse roles up", "poolhouse migrations up && poolhouse roles up"],
    json="{roles: [{service, role, statements}], seconds}; statements are the SQL that was run",
)
async def up(application: Application, *, timeout: Timeout = None) -> Answer:
    """Create the roles of services, and give them what is missing, as a start of the application does.

    Also where service_roles is 'existing': it is for a job that deploys, after `poolhouse migrations up`, before
    replicas that only check. Over migration_dsn where that is set. Rights that an earlier release has declared, and
    this one has not, are taken back. A login that may not do all of it is told the SQL for an administrator.
    """
    begun = time.monotonic()
    async with application.migrating():
        reports = await establish_roles(
            application.role_parts(*_ON), mode=ServiceRoles.MANAGED, revoke=True, timeout=timeout
        )
    seconds = time.monotonic() - begun
    rows = tuple((each.service, each.role, _done(each)) for each in reports)
    end = f"{established(reports)} In {seconds:.2f} s."
    shown = (Table(("SERVICE", "ROLE", "DONE"), rows), end) if reports else (_NONE,)
    return Answer({"roles": described(reports), "seconds": round(seconds, 3)}, shown)


def described(reports: Sequence[RoleReport]) -> list[dict[str, object]]:
    """Return what was done for roles, for programs."""
    return [{"service": each.service, "role": each.role, "statements": list(each.statements)} for each in reports]


def established(reports: Sequence[RoleReport]) -> str:
    """Return what was done for roles, as one sentence."""
    changed = sum(bool(each.statements) for each in reports)
    return f"Roles: {changed} established, {len(reports) - changed} in place."


def _done(report: RoleReport) -> str:
    count = len(report.statements)
    return f"{count} statement{'' if count == 1 else 's'} run" if count else "in place"


def _state(status: RoleStatus) -> str:
    return "taken" if status.is_taken else "missing" if status.missing else "in place"


def _count(status: RoleStatus) -> str:
    counts = {"missing": len(status.missing), "waiting": len(status.waiting)}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _sentences(found: Sequence[RoleStatus]) -> Iterator[str]:
    for each in found:
        yield from (f"- {sentence}" for sentence in (*each.missing, *each.waiting))
    if any(each.statements for each in found):
        yield "`poolhouse roles up` makes up for it, or `poolhouse roles plan` prints the SQL."


def _script(found: Sequence[RoleStatus]) -> Iterator[str]:
    for each in found:
        # Names may hold line breaks, after which a comment would be one no more.
        comments = [f"-- {line}\n" for sentence in each.waiting for line in sentence.splitlines()]
        yield "".join((*comments, *(f"{statement}\n" for statement in each.statements)))


def _described(status: RoleStatus) -> dict[str, object]:
    return {
        "service": status.service,
        "role": status.role,
        "address": status.address,
        "state": _state(status),
        "missing": list(status.missing),
        "waiting": list(status.waiting),
    }


def _code(found: Sequence[RoleStatus], *, exit_code: bool) -> ExitCode:
    return ExitCode.PENDING if exit_code and any(each.missing for each in found) else ExitCode.FINE
