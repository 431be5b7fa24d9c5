"""Start one server and stop it: the steps in their order, synchronously."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from poolhouse.embedded.account import Account, server_account
from poolhouse.embedded.configuration import (
    DURABLE,
    PORT,
    SUPERUSER,
    THROW_AWAY,
    configuration_text,
    initdb_command,
    server_command,
)
from poolhouse.embedded.guard import Guard
from poolhouse.embedded.locator import locate_binaries
from poolhouse.errors import ServerStartError

if TYPE_CHECKING:
    from collections.abc import Mapping

START_TIMEOUT = 60.0
MEMORY = Path("/dev/shm")  # noqa: S108 - the place of files in memory; what is made there is private
ENOUGH_MEMORY = 1 << 30
FAST, IMMEDIATE, KILL = 2, 3, 9
ORDERLY_END = ((FAST, 1.2), (IMMEDIATE, 0.4), (KILL, 0.2))
SUDDEN_END = ((IMMEDIATE, 1.0), (KILL, 0.5))
LOG_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Order:
    """What to start: where the data lies (None for a throw-away directory), which binaries, which parameters."""

    data_directory: Path | None = None
    binaries: Path | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts connections."""

    dsn: str
    version: str
    pid: int
    data_directory: Path


class Launcher:
    """Starts one server, once, and stops it.

    `start` and `stop` block and belong to one thread at a time; `abort` may be called from another.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._guard: Guard | None = None
        self._aborted = False

    def start(self) -> RunningServer:
        """Start the server and return when it accepts connections; whatever is raised, nothing stays behind."""
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and delete what was made for it; idempotent, and over within 5 seconds."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.end()

    def abort(self) -> None:
        """Make a running `start` fail soon."""
        self._aborted = True
        if self._guard is not None:
            self._guard.release()

    def _start(self) -> RunningServer:
        order = self._order
        account = server_account(order.data_directory)
        guard = self._guard = Guard(account)
        if self._aborted:
            guard.release()
        binaries = locate_binaries(order.binaries)
        version = server_version(binaries, account)
        major = int(version.split(".", 1)[0])
        runtime = runtime_directory(throw_away=order.data_directory is None)
        guard.ask("make", path=str(runtime))
        data = order.data_directory or runtime / "data"
        log = runtime / "log"
        self._initialize(binaries, data, major, log)
        configuration = runtime / "postgresql.conf"
        parameters = {**(THROW_AWAY if order.data_directory is None else DURABLE), **order.parameters}
        configuration.write_text(configuration_text(parameters, include=data / "postgresql.conf"), encoding="utf-8")
        answer = guard.ask(
            "serve",
            command=server_command(binaries, str(data), configuration, runtime),
            directory=str(runtime),
            log=str(log),
            timeout=START_TIMEOUT,
            pidfile=str(data / "postmaster.pid"),
            stop=SUDDEN_END if order.data_directory is None else ORDERLY_END,
        )
        if "ready" not in answer:
            raise _failure("postgres", answer, log)
        dsn = f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={quote(str(runtime))}&port={PORT}"
        return RunningServer(dsn, version, answer["ready"], data)

    def _initialize(self, binaries: Path, data: Path, major: int, log: Path) -> None:
        assert self._guard is not None
        durable = self._order.data_directory is not None
        command = initdb_command(binaries, str(data), major, durable=durable, linux=sys.platform == "linux")
        answer = self._guard.ask("run", command=command, directory=str(log.parent), log=str(log), timeout=START_TIMEOUT)
        if answer.get("status") != 0:
            raise _failure("initdb", answer, log)


def server_version(binaries: Path, account: Account | None) -> str:
    """What `postgres --version` says, such as "18.1"; raises PermissionError when the account cannot run it."""
    who: dict[str, Any] = {}
    if account is not None:
        who = {"user": account.user, "group": account.group, "extra_groups": []}
    output = subprocess.run(  # noqa: S603 - the program that is going to be started anyway
        [binaries / "postgres", "--version"], check=True, capture_output=True, text=True, cwd="/", **who
    ).stdout
    found = re.search(r"\d+(\.\d+)*", output)
    if found is None:
        raise ServerStartError("postgres --version names no version", log=output)
    return found.group()


def runtime_directory(*, throw_away: bool) -> Path:
    """A fresh name for a directory of sockets, and of a throw-away server's data: in memory when there is enough of it."""
    in_memory = throw_away and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY
    return (MEMORY if in_memory else Path(tempfile.gettempdir())) / f"poolhouse-{secrets.token_hex(4)}"


def _failure(program: str, answer: Mapping[str, Any], log: Path) -> ServerStartError:
    fact = (
        f"{program} was not done after {START_TIMEOUT:.0f} s"
        if "late" in answer
        else f"{program} ended with {answer['status']}"
    )
    try:
        tail = log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
    except OSError:
        tail = ""
    return ServerStartError(fact, log=tail.strip())
