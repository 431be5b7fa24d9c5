"""`poolhouse migrations up`."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from poolhouse._core.listing import some_of
from poolhouse.cli.answer import Answer, ExitCode, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasContract, Modules, Timeout, chosen_up_to, migrations
from poolhouse.cli.migrations.schemas import Schemas, in_schemas, with_needed
from poolhouse.cli.progress import showing_progress
from poolhouse.cli.roles import described, established
from poolhouse.cli.verb import verb
from poolhouse.errors import MigrationSchemasError, PoolhouseError
from poolhouse.migrations import MigrationProgress, MigrationReport, MigrationResult, migrate
from poolhouse.migrations.rehearsal import Rehearsal, rehearse
from poolhouse.roles import RoleReport, establish_roles
from poolhouse.settings import MigrationMode, ServiceRoles

To = Annotated[
    int | None, typer.Option(metavar="VERSION", help="Apply nothing above this version; for one module only.", min=0)
]
IsDryRun = Annotated[
    bool, typer.Option("--dry-run", help="Let the server run what is pending, and roll all of it back.")
]
HasNoRoles = Annotated[bool, typer.Option("--no-roles", help="Leave the roles of services alone.")]

_HEADINGS = ("MODULE", "SCHEMA", "VERSION", "DONE")


@verb(
    migrations,
    examples=[
        "poolhouse migrations up",
        "poolhouse migrations up users --to 7",
        "poolhouse migrations up --dry-run",
        "poolhouse migrations up tenants --schema tenant_7",
    ],
    json="{modules: [{module, schema, version, applied, repeated, ahead, held}], seconds, roles: [{service, role, "
    "statements}]}; roles is null where they were left alone, with error where they could not be established; where a "
    "module has many schemas and some failed, failures: [{module, schema, kind, message}], untried, total and error "
    "besides, and modules are those schemas that did not; with --dry-run {files: [{module, schema, schemas, file, "
    "checked, reason}]}",
)
async def up(
    application: Application,
    modules: Modules = None,
    *,
    to: To = None,
    schemas: Schemas = None,
    is_dry_run: IsDryRun = False,
    contract: HasContract = False,
    no_roles: HasNoRoles = False,
    timeout: Timeout = None,
) -> Answer:
    """Apply what is pending, and before it what that depends on in other modules.

    As a start of the application does, and whatever its start mode is: safe beside others who do the same, in one
    transaction for each schema where the files allow it. A dry run takes the same locks as the real one, for as long
    as it runs; files outside of transactions, and what comes after them, cannot be checked so, and are named.

    Where a module has many schemas, those that fail keep no other from it, until too many have.

    When all modules are up to date, services get their roles and rights where service_roles is 'managed', which
    `poolhouse roles up` does otherwise.
    """
    begun, reports = time.monotonic(), list[MigrationReport]()
    application.sets(modules or ())
    async with application.migrating() as every:
        sets = tuple(each for each in every if not modules or each.module in modules)
        chosen = await in_schemas(sets if to is None else chosen_up_to(sets, to), schemas)
        wanted = with_needed(chosen, every)
        if is_dry_run:
            return _rehearsed(await rehearse(wanted, contract=contract))
        with showing_progress() as show:

            def note(progress: MigrationProgress) -> None:
                reports.extend(progress.reports)
                show(progress)

            try:
                result = await migrate(
                    wanted, mode=MigrationMode.APPLY, contract=contract, timeout=timeout, progress=note
                )
            except MigrationSchemasError as error:
                return _partly_done(error, reports, time.monotonic() - begun)
        if no_roles or modules or schemas or to is not None:
            return _done(result)
        try:
            parts = application.role_parts(ServiceRoles.MANAGED)
            return _done(result, await establish_roles(parts, revoke=True, migrated=result.reports, timeout=timeout))
        except PoolhouseError as error:
            return _without_roles(_done(result), error)


def _done(result: MigrationResult, roles: Sequence[RoleReport] = ()) -> Answer:
    count = "Nothing was pending" if not result.applied else f"Applied {result.applied}"
    data = {
        "modules": [_described(each) for each in result.reports],
        "seconds": round(result.seconds, 3),
        "roles": described(roles) or None,
    }
    said = (f"{count}, in {result.seconds:.2f} s.", *((established(roles),) if roles else ()))
    return Answer(data, (Table(_HEADINGS, _rows(result.reports)), *said))


def _without_roles(done: Answer, error: PoolhouseError) -> Answer:
    said = "The migrations stay applied; --no-roles leaves the roles of services alone."
    data: dict[str, object] = {"kind": type(error).__name__, "message": str(error), "violations": []}
    return Answer({**done.data, "error": data}, (*done.shown, said), ExitCode.FAILED, str(error))


def _partly_done(error: MigrationSchemasError, reports: Sequence[MigrationReport], seconds: float) -> Answer:
    rows = [*_rows(reports), (error.module, some_of([*error.failures]), "-", "failed, see below")]
    if error.untried:
        rows.append((error.module, f"{error.untried} schemas", "-", "not tried"))
    failures = [
        {"module": error.module, "schema": schema, "kind": type(each).__name__, "message": str(each)}
        for schema, each in error.failures.items()
    ]
    data: dict[str, object] = {
        "modules": [_described(each) for each in reports],
        "failures": failures,
        "untried": error.untried,
        "total": error.total,
        "seconds": round(seconds, 3),
        "error": {"kind": type(error).__name__, "message": str(error), "violations": []},
    }
    return Answer(data, (Table(_HEADINGS, tuple(rows)),), ExitCode.FAILED, str(error))


def _rows(reports: Iterable[MigrationReport]) -> tuple[tuple[str, ...], ...]:
    alike: dict[MigrationReport, list[str]] = {}
    for each in reports:
        alike.setdefault(replace(each, schema=""), []).append(each.schema)
    return tuple((each.module, some_of(schemas), _version(each), _detail(each)) for each, schemas in alike.items())


def _version(report: MigrationReport) -> str:
    return f"{report.version:04}" if report.version is not None else "-"


def _detail(report: MigrationReport) -> str:
    done = [*(f"{version:04}" for version in report.applied), *(f"R_{name}" for name in report.repeated)]
    said = {
        "ahead by": [f"{version:04}" for version in report.ahead],
        "held": [f"{version:04}" for version in report.held],
    }
    more = [f"{word} {', '.join(names)}" for word, names in said.items() if names]
    return "; ".join([f"applied {', '.join(done)}" if done else "up to date", *more])


def _described(report: MigrationReport) -> dict[str, object]:
    return {
        "module": report.module,
        "schema": report.schema,
        "version": report.version,
        "applied": list(report.applied),
        "repeated": list(report.repeated),
        "ahead": list(report.ahead),
        "held": list(report.held),
    }


def _rehearsed(files: tuple[Rehearsal, ...]) -> Answer:
    if not files:
        return Answer({"files": []}, ("Nothing is pending.",))
    rows = tuple((each.module, some_of(each.schemas), each.file, each.reason or "would be applied") for each in files)
    unchecked = sum(each.reason is not None for each in files)
    end = f"Rolled back. {len(files) - unchecked} checked, {unchecked} cannot be checked so."
    data = {
        "files": [
            {
                "module": each.module,
                "schema": each.schema,
                "schemas": list(each.schemas),
                "file": each.file,
                "checked": each.reason is None,
                "reason": each.reason,
            }
            for each in files
        ]
    }
    return Answer(data, (Table(("MODULE", "SCHEMA", "FILE", "OUTCOME"), rows), end))
