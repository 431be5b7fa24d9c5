"""The test's side of the processes that start, are killed, and say how it went."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ZYGOTE = Path(__file__).with_name("zygote.py")
LIMIT = 120.0  # seconds after which a process hangs; other work on the machine makes all of them slow


class Zygote:
    """Starts processes of an application, all of a batch at the same moment."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, ZYGOTE], stdin=pipe, stdout=pipe, start_new_session=True)

    @property
    def is_open(self) -> bool:
        return self._process.poll() is None

    async def run(self, *starts: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the outcome of each start, when the last has ended."""
        try:
            return await asyncio.to_thread(self._run, starts)
        except BaseException:
            # Nobody reads an answer that still comes; the next question would.
            self.close()
            raise

    def _run(self, starts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        self._process.stdin.write(json.dumps({"limit": LIMIT, "starts": starts}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the zygote has ended"
        return json.loads(line)

    def close(self) -> None:
        if self.is_open:
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._process:
            pass


class Zygotes:
    """The zygotes of a session: importing all that an application does takes longer than what follows."""

    def __init__(self) -> None:
        self._all: list[Zygote] = []

    def take(self, count: int) -> list[Zygote]:
        self._all = [each for each in self._all if each.is_open]
        self._all += [Zygote() for _ in range(count - len(self._all))]
        return self._all[:count]

    def close(self) -> None:
        for each in self._all:
            each.close()


def start(dsn: str, release: list[list], *, kill_after: float | None = None, repair: str | None = None) -> dict:
    return {"dsn": dsn, "sets": release, "kill_after": kill_after, "repair": repair}


def failures(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome["error"] for outcome in outcomes if "error" in outcome]


def check_all_went_well(outcomes: list[dict[str, Any]]) -> None:
    failed = failures(outcomes)
    assert not failed, "\n".join(failed)


def applied(outcomes: list[dict[str, Any]]) -> list[str]:
    """Return what all of them say they have applied, so that what was applied twice is in it twice."""
    return sorted(each for outcome in outcomes for each in outcome.get("applied", ()))


class Recovery(NamedTuple):
    """How a database was mended: the commands that the start named for it, and the seconds of the longest start."""

    commands: int
    seconds: float


async def recover(starting: Zygote, dsn: str, release: list[list]) -> Recovery:
    """Start as one does after a crash, with the commands that the error names, one for each schema that needs one."""
    (outcome,) = first = await starting.run(start(dsn, release))
    commands = outcome.get("commands", ())
    for command in commands:
        check_all_went_well(await starting.run(start(dsn, release, repair=command)))
    if not commands:
        check_all_went_well(first)
    again = await starting.run(start(dsn, release))
    check_all_went_well(again)
    assert commands or not applied(again), applied(again)
    return Recovery(len(commands), max(outcome["seconds"], again[0]["seconds"]))
