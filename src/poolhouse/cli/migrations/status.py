"""`poolhouse migrations status`."""

from poolhouse.cli.answer import Answer, ExitCode, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasExitCode, Modules, migrations
from poolhouse.cli.verb import verb
from poolhouse.migrations.status import MigrationState, MigrationStatus
from poolhouse.migrations.status import status as status_of

_FINE = {MigrationState.UP_TO_DATE, MigrationState.AHEAD}


@verb(
    migrations,
    examples=["poolhouse migrations status", "poolhouse migrations status users --json --exit-code"],
    json="{modules: [{module, schema, directory, state, version, pending, held, ahead, half_done, drift}]}; state is "
    "'up to date', 'pending', 'half done', 'ahead' or 'drift', and drift are messages",
)
async def status(application: Application, modules: Modules = None, *, exit_code: HasExitCode = False) -> Answer:
    """Say how the schemas stand, compared with the files.

    Nothing is changed and no lock is taken, so it can be asked at any time. Contract migrations are held until `up
    --contract`, and do not count as pending.
    """
    async with application.migrating(modules or ()) as sets:
        found = await status_of(sets)
    rows = tuple((each.module, each.schema, _version(each), each.state, _detail(each)) for each in found)
    table = Table(("MODULE", "SCHEMA", "VERSION", "STATE", "DETAIL"), rows)
    drift = tuple(str(fault) for each in found for fault in each.drift)
    code = ExitCode.PENDING if exit_code and any(each.state not in _FINE for each in found) else ExitCode.FINE
    return Answer({"modules": [_described(each) for each in found]}, (table, *drift), code)


def _version(status: MigrationStatus) -> str:
    return "-" if status.version is None else f"{status.version:04}"


def _detail(status: MigrationStatus) -> str:
    if status.drift:
        return f"{len(status.drift)} to be mended, see below"
    said = {
        "half done": (status.half_done,) if status.half_done else (),
        "pending": [name for name in status.pending if name != status.half_done],
        "held": status.held,
        "not in the files": [f"{version:04}" for version in status.ahead],
    }
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in said.items() if names)


def _described(status: MigrationStatus) -> dict[str, object]:
    return {
        "module": status.module,
        "schema": status.schema,
        "directory": status.directory,
        "state": status.state,
        "version": status.version,
        "pending": list(status.pending),
        "held": list(status.held),
        "ahead": list(status.ahead),
        "half_done": status.half_done,
        "drift": [str(fault) for fault in status.drift],
    }
