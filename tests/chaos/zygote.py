"""A process that has imported what an application imports, and forks: each fork is a process that starts.

It reads one line of JSON per batch, `{"limit": seconds, "starts": [start, …]}`, lets all of these processes go at the
same moment, and answers with one line, `[outcome, …]`, when the last has ended. A start is:

    {"dsn": …, "sets": [[module, schema, folder, schemas or null], …],
     "kill_after": seconds or null, "repair": command or null}
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import signal
import sys
import time
from typing import Any

from poolhouse.errors import MigrationDirtyError, MigrationPendingError, MigrationSchemasError, PoolhouseError
from poolhouse.migrations import MigrationSet, migrate, repair
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

POLL = 0.02


class Warnings(logging.Handler):
    """Keeps what the library warned of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


async def start(dsn: str, sets: list[list[Any]], command: str | None) -> dict[str, Any]:
    pool = SharedPool(
        DatabaseSettings.model_validate(
            {"dsn": dsn, "min_size": 1, "max_size": 4, "startup_timeout": 2.0, "application_name": "chaos"}
        )
    )
    wanted = [
        MigrationSet(SchemaManager(pool, schema=schema), folder, module=module, schemas=schemas)
        for module, schema, folder, schemas in sets
    ]
    await pool.open()
    try:
        if command is not None:
            await carry_out(command, wanted)
            return {}
        reports = (await migrate(wanted)).reports
        await check_nothing_is_pending(wanted)
    finally:
        await pool.close()
    return {
        "applied": [
            f"{each.schema}.{each.module}/{what}" for each in reports for what in (*each.applied, *each.repeated)
        ],
        "ahead": [f"{each.schema}.{each.module}/{version}" for each in reports for version in each.ahead],
    }


async def check_nothing_is_pending(wanted: list[MigrationSet]) -> None:
    """Raise MigrationPendingError where a start that went well has left something to others."""
    try:
        await migrate(wanted, mode="check")
    except MigrationPendingError as error:
        # Two releases that start beside each other may both want their view to be the last.
        if any("/R_" not in each for each in error.pending):
            raise


async def carry_out(command: str, wanted: list[MigrationSet]) -> None:
    """Do what the command line does with a command that an error has named."""
    *program, target, _, schema, decision = shlex.split(command)
    assert program == ["poolhouse", "migrations", "repair"], command
    module, version = target.rsplit("/", 1)
    (found,) = [
        each if each.schemas is None else each.for_schema(schema)
        for each in wanted
        if each.module == module and schema in (each.schemas or [each.db.schema])
    ]
    await getattr(repair, decision.removeprefix("--").replace("-", "_"))(found, int(version))


def commands_of(error: Exception) -> list[str]:
    """Return the first of the commands that the error names for each schema; none where that would not do."""
    failures = list(error.failures.values()) if isinstance(error, MigrationSchemasError) else [error]
    dirty = [each.commands[0] for each in failures if isinstance(each, MigrationDirtyError)]
    return dirty if len(dirty) == len(failures) else []


def outcome_of(order: dict[str, Any]) -> dict[str, Any]:
    warnings = Warnings()
    logging.getLogger("poolhouse").addHandler(warnings)
    begun = time.monotonic()
    try:
        outcome = asyncio.run(start(order["dsn"], order["sets"], order.get("repair")))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test shall show it
        said = f"{type(error).__name__}: {error}"[:4000]
        outcome = {"error": said, "is_ours": isinstance(error, PoolhouseError)}
        if commands := commands_of(error):
            outcome["commands"] = commands
    return outcome | {"warnings": warnings.said, "seconds": time.monotonic() - begun}


def fork(order: dict[str, Any], gate: tuple[int, int]) -> tuple[int, int]:
    """Return the pid of a process that starts when the gate is closed, and where its outcome can be read."""
    outcome, answer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(answer)
        return pid, outcome
    try:
        opening, latch = gate
        os.close(latch)
        os.read(opening, 1)  # ends when the last copy of the latch is closed
        os.write(answer, json.dumps(outcome_of(order)).encode())
    finally:
        os._exit(0)


class Batch:
    """The processes of one batch, which nobody but this process kills or reaps: none of their pids is another's."""

    def __init__(self, starts: list[dict[str, Any]], limit: float) -> None:
        gate = os.pipe()
        self._children = dict(enumerate(fork(order, gate) for order in starts))
        self._limit = limit
        self._ends = [order.get("kill_after") for order in starts]
        self._outcomes: list[dict[str, Any]] = [{} for _ in starts]
        for end in gate:
            os.close(end)
        self._released = time.monotonic()

    def run(self) -> list[dict[str, Any]]:
        while self._children:
            for number, (pid, outcome) in [*self._children.items()]:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self._outcomes[number] = self._outcome(number, outcome)
                    del self._children[number]
                elif self._left(number) <= 0:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(min([POLL, *(max(self._left(number), 0.001) for number in self._children)]))
        return self._outcomes

    def _left(self, number: int) -> float:
        end = self._ends[number]
        return self._released + (self._limit if end is None else end) - time.monotonic()

    def _outcome(self, number: int, pipe: int) -> dict[str, Any]:
        with open(pipe, "rb") as file:
            written = file.read()
        if written:
            return json.loads(written)
        if self._ends[number] is None:
            return {"error": f"it was not done after {self._limit} s", "is_ours": False}
        return {"killed": True}


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(Batch(**json.loads(line)).run())}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
