"""`poolhouse migrations up`."""

from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasContract, Modules, Timeout, chosen_up_to, migrations
from poolhouse.cli.verb import verb
from poolhouse.migrations import MigrationReport, MigrationResult, migrate
from poolhouse.migrations.rehearsal import Rehearsal, rehearse
from poolhouse.settings import MigrationMode

To = Annotated[
    int | None, typer.Option(metavar="VERSION", help="Apply nothing above this version; for one module only.", min=0)
]
IsDryRun = Annotated[
    bool, typer.Option("--dry-run", help="Let the server run what is pending, and roll all of it back.")
]


@verb(
    migrations,
    examples=[
        "poolhouse migrations up",
        "poolhouse migrations up users --to 7",
        "poolhouse migrations up --dry-run",
    ],
    json="{modules: [{module, schema, version, applied, repeated, ahead, held}], seconds}; with --dry-run {files: "
    "[{module, schema, file, checked, reason}]}",
)
async def up(
    application: Application,
    modules: Modules = None,
    *,
    to: To = None,
    is_dry_run: IsDryRun = False,
    contract: HasContract = False,
    timeout: Timeout = None,
) -> Answer:
    """Apply what is pending.

    As a start of the application does, and whatever its start mode is: safe beside others who do the same, in one
    transaction for each schema where the files allow it. A dry run takes the same locks as the real one, for as long
    as it runs; files outside of transactions, and what comes after them, cannot be checked so, and are named.
    """
    async with application.migrating(modules or ()) as sets:
        wanted = sets if to is None else chosen_up_to(sets, to)
        if is_dry_run:
            return _rehearsed(await rehearse(wanted, contract=contract))
        return _done(await migrate(wanted, mode=MigrationMode.APPLY, contract=contract, timeout=timeout))


def _done(result: MigrationResult) -> Answer:
    rows = tuple((each.module, each.schema, _version(each), _detail(each)) for each in result.reports)
    count = "Nothing was pending" if not result.applied else f"Applied {result.applied}"
    table = Table(("MODULE", "SCHEMA", "VERSION", "DONE"), rows)
    data = {"modules": [_described(each) for each in result.reports], "seconds": round(result.seconds, 3)}
    return Answer(data, (table, f"{count}, in {result.seconds:.2f} s."))


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
    rows = tuple((each.module, each.schema, each.file, each.reason or "would be applied") for each in files)
    unchecked = sum(each.reason is not None for each in files)
    end = f"Rolled back. {len(files) - unchecked} checked, {unchecked} cannot be checked so."
    data = {
        "files": [
            {
                "module": each.module,
                "schema": each.schema,
                "file": each.file,
                "checked": each.reason is None,
                "reason": each.reason,
            }
            for each in files
        ]
    }
    return Answer(data, (Table(("MODULE", "SCHEMA", "FILE", "OUTCOME"), rows), end))
