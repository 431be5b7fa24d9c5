"""`poolhouse doctor`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, cast

import typer

from poolhouse._core.doctor import Finding, examine
from poolhouse._core.doctor.sizing import processes_of
from poolhouse.cli.answer import Answer, ExitCode, Table
from poolhouse.cli.application import Application
from poolhouse.cli.examining import ask, pool_facts
from poolhouse.cli.verb import verb
from poolhouse.container import Container, pools
from poolhouse.container.graph import Graph
from poolhouse.container.kinds import makes
from poolhouse.container.plan import plan_start
from poolhouse.errors import CommandError
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ApplicationSettings, Profile

group = typer.Typer()

Processes = Annotated[
    int,
    typer.Option(
        min=1,
        max=100_000,
        metavar="N",
        help="Processes that have such a pool at once, those of a rolling update included; more are assumed where more "
        "connections are open.",
    ),
]
HasExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when there is a fault or a warning.")]


@dataclass(frozen=True, slots=True)
class Examined:
    """A pool, and what was found."""

    address: str
    processes: int
    findings: tuple[Finding, ...]


@verb(
    group,
    examples=["poolhouse doctor", "poolhouse doctor --processes 8", "poolhouse doctor --json --exit-code"],
    json="{pools: [{address, processes, findings: [{level, place, fact, remedy}]}]}; level is 'fault', 'warning', "
    "'advice' or 'fine', and remedy is null where it is fine",
)
async def doctor(application: Application, *, processes: Processes = 1, exit_code: HasExitCode = False) -> Answer:
    """Say what of the pool's settings fits the server, and what does not.

    Sizes against the limits of server, database and role; time limits; encryption; a pooler in between. It connects
    once, asks one statement, and changes nothing.

    Exit codes: 0 examined, 1 a fault or a warning (only with --exit-code), 2 usage, 3 failed, 130 interrupted.
    """
    container = application.container
    found = pools(container)
    if not found:
        raise CommandError("the container has no pool", remedy="Declare a provider that makes a SharedPool")
    async with _reachable(application, found):
        examined = [await _examined(container, pool, processes=processes) for pool in found]
    is_bad = any(finding.level.is_bad for each in examined for finding in each.findings)
    code = ExitCode.PENDING if exit_code and is_bad else ExitCode.FINE
    shown = tuple(part for each in examined for part in (f"{each.address}:", _table(each.findings)))
    return Answer({"pools": [_described(each) for each in examined]}, shown, code)


@asynccontextmanager
async def _reachable(application: Application, found: Sequence[SharedPool]) -> AsyncGenerator[None]:
    """Let an embedded server run for the time of a block, where a pool is on one."""
    if all(pool.dsn is not None for pool in found):
        yield
        return
    async with application.migrating():
        yield


async def _examined(container: Container, pool: SharedPool, *, processes: int) -> Examined:
    if pool.dsn is None:
        raise CommandError("the pool has no DSN", remedy="Set the DSN in the database settings")
    dsn = pool.dsn.get_secret_value()
    answered = await ask(dsn, pool.settings)
    facts = pool_facts(
        pool.settings,
        dsn,
        is_local=answered.is_local,
        is_production=_is_production(container),
        services=_services(container, pool),
        processes=processes,
    )
    return Examined(pool.address, processes_of(facts, answered.server), examine(facts, answered.server))


def _is_production(container: Container) -> bool:
    """Whether the settings say so, or say nothing."""
    provider = container.providers.get("settings")
    settings = provider() if provider is not None else None
    return not isinstance(settings, ApplicationSettings) or settings.profile in {Profile.STAGING, Profile.PRODUCTION}


def _services(container: Container, pool: SharedPool) -> set[str]:
    runtime = cast("Any", container)
    graph = Graph(runtime)
    # Those that make managers for many schemas cannot be called without one.
    given = [getattr(provider, "kwargs", {}) for provider in graph.order if makes(provider, SchemaManager)]
    named = [each.get("service") for each in given]
    managers = (manager for manager in plan_start(runtime).managers if manager.pool is pool)
    return {*(each for each in named if isinstance(each, str)), *(manager.service for manager in managers)}


def _table(findings: Sequence[Finding]) -> Table:
    rows = tuple((each.level, each.place, _sentence(each)) for each in findings)
    return Table(("LEVEL", "ABOUT", "FINDING"), rows)


def _sentence(finding: Finding) -> str:
    return f"{finding.fact}. {finding.remedy}" if finding.remedy else finding.fact


def _described(examined: Examined) -> dict[str, object]:
    return {
        "address": examined.address,
        "processes": examined.processes,
        "findings": [
            {"level": each.level, "place": each.place, "fact": each.fact, "remedy": each.remedy}
            for each in examined.findings
        ],
    }
