"""Start one server and stop it: the steps in their order, synchronously."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolhouse.embedded.account import Account, server_account
from poolhouse.embedded.address import Address, choose_address
from poolhouse.embedded.configuration import (
    DURABLE,
    THROW_AWAY,
    configuration_text,
    initdb_command,
    pg_ctl_command,
    server_command,
)
from poolhouse.embedded.data_directory import (
    end_server,
    has_cluster,
    make_parent,
    put_in_place,
    read_pidfile,
    running_server,
    wait_until_free,
)
from poolhouse.embedded.guard import Guard
from poolhouse.embedded.installation import Installation, prepare_installation
from poolhouse.embedded.locator import locate_binaries
from poolhouse.embedded.runtime_directory import bases, choose_base, new_name, sweep
from poolhouse.errors import DataDirectoryBusyError, ServerStartError

if TYPE_CHECKING:
    from collections.abc import Mapping

START_TIMEOUT = 60.0
FAST, IMMEDIATE, KILL = 2, 3, 9
# Signals and the seconds that each is given. Together they stay under the two seconds that the handle promises.
ORDERLY_END = ((FAST, 1.1), (IMMEDIATE, 0.4), (KILL, 0.2))
SUDDEN_END = ((IMMEDIATE, 1.0), (KILL, 0.5))
LOG_TAIL = 10  # lines; what came of it is the last that it says
# What PostgreSQL says while the last processes of a server that was killed are still on their way out.
STILL_DYING = "pre-existing shared memory block"
STILL_DYING_PATIENCE = 3.0
HELD = 9
# A folder that is held open can be named by a process that may not walk to it: a project in a private folder of root's.
# The working directory would do for PostgreSQL 16 and newer; older ones leave it and cannot return.
HELD_FOLDER = f"/proc/self/fd/{HELD}"

logger = logging.getLogger("poolhouse.embedded")


@dataclass(frozen=True, slots=True)
class Order:
    """What to start: where the data lies (None for a throw-away directory), which binaries, which parameters."""

    data_directory: Path | None = None
    binaries: Path | None = None
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts connections."""

    dsn: str
    version: str
    pid: int
    data_directory: Path


@dataclass(frozen=True, slots=True)
class Site:
    """Where one server lives and under which account."""

    account: Account | None
    runtime: Path
    data: Path
    is_throw_away: bool

    @property
    def user(self) -> int | None:
        """The number of the user that the server runs as; None where users have none."""
        if sys.platform == "win32":
            return None
        return self.account.user if self.account is not None else os.geteuid()

    @property
    def log(self) -> Path:
        """Everything that the server and initdb say."""
        return self.runtime / "log"

    def name_of(self, folder: Path) -> str:
        """Return how a command that holds the folder open can call it."""
        if self.account is not None and sys.platform == "linux" and not self.account.can_enter(folder):
            return HELD_FOLDER
        return str(folder)


class Launcher:
    """Starts one server, once, and stops it.

    `start` and `stop` block and belong to one thread at a time; `abort` may be called from another.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._guard: Guard | None = None
        self._site: Site | None = None
        self._is_aborted = False

    def start(self) -> RunningServer:
        """Start the server and return when it accepts connections; whatever is raised, nothing stays behind."""
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and delete what was made for it; idempotent, under 2 s as a rule and never over 8 s."""
        guard, self._guard = self._guard, None
        if guard is not None and not guard.end() and self._site is not None:
            _stand_in_for_the_watchdog(self._site)

    def abort(self) -> None:
        """Make a running `start` fail soon."""
        self._is_aborted = True
        if self._guard is not None:
            self._guard.release()

    def _start(self) -> RunningServer:
        binaries = locate_binaries(self._order.binaries)
        guard, site = self._settle()
        installation = prepare_installation(binaries, site.account, spare=site.runtime)
        wait_until_free(site.data, is_aborted=lambda: self._is_aborted)
        if not has_cluster(site.data, major=installation.major, user=site.user):
            _initialize(guard, site, installation)
        address = choose_address(site.runtime)
        pid = self._serve(guard, site, installation, address)
        logger.info("PostgreSQL %s runs on %s, pid %d", installation.version, site.data, pid)
        return RunningServer(address.dsn, installation.version, pid, site.data)

    def _settle(self) -> tuple[Guard, Site]:
        """Begin to be watched, before there is anything to be left behind."""
        account = server_account(self._order.data_directory)
        is_throw_away = self._order.data_directory is None
        base = choose_base(bases(throw_away=is_throw_away), account)
        runtime = base / new_name()
        site = self._site = Site(account, runtime, self._order.data_directory or runtime / "data", is_throw_away)
        guard = self._guard = Guard(account)
        if self._is_aborted:
            guard.release()
        guard.ask("make", path=str(runtime))
        sweep(base, user=site.user)
        return guard, site

    def _serve(self, guard: Guard, site: Site, installation: Installation, address: Address) -> int:
        request = _serve_request(site, installation, address, self._order.parameters)
        deadline = time.monotonic() + STILL_DYING_PATIENCE
        while "ready" not in (answer := guard.ask("serve", **request)):
            if server := running_server(site.data):
                raise DataDirectoryBusyError(str(site.data), server.pid)
            if STILL_DYING not in _tail(site.log) or time.monotonic() > deadline:
                raise _failure("postgres", answer, site.log)
            site.log.unlink()
        return int(answer["ready"])


def _initialize(guard: Guard, site: Site, installation: Installation) -> None:
    """Make a cluster beside its place, then move it there whole: half a one can never be taken for a whole one."""
    prefix = f".{site.data.name}-"
    made = site.data.with_name(new_name(prefix))
    if not site.is_throw_away:
        make_parent(site.data)
        sweep(site.data.parent, prefix=prefix, user=site.user)
    guard.ask("make", path=str(made))
    program, version, name = installation.binaries, installation.major, site.name_of(made)
    is_linux = sys.platform == "linux"
    command = initdb_command(program, name, version, durable=not site.is_throw_away, linux=is_linux)
    answer = guard.ask("run", command=command, log=str(site.log), held=(str(made), HELD), timeout=START_TIMEOUT)
    if answer.get("status") != 0:
        raise _failure("initdb", answer, site.log)
    put_in_place(made, site.data)


def _serve_request(
    site: Site, installation: Installation, address: Address, parameters: Mapping[str, str]
) -> dict[str, Any]:
    stale = read_pidfile(site.data)
    return {
        "command": _server_command(site, installation, address, parameters),
        "log": str(site.log),
        "held": (str(site.data), HELD),
        "timeout": START_TIMEOUT,
        "pidfile": str(site.data / "postmaster.pid"),
        "stop": SUDDEN_END if site.is_throw_away else ORDERLY_END,
        "grandparent": stale.pid if stale is not None else 0,
    }


def _server_command(
    site: Site, installation: Installation, address: Address, parameters: Mapping[str, str]
) -> list[str]:
    data = site.name_of(site.data)
    chosen = {**(THROW_AWAY if site.is_throw_away else DURABLE), **parameters}
    if sys.platform == "win32":
        chosen |= address.parameters
        configuration = _write_configuration(site, data, chosen)
        return pg_ctl_command(installation.binaries, data, configuration, log=site.log, timeout=START_TIMEOUT)
    return server_command(installation.binaries, data, _write_configuration(site, data, chosen), address.parameters)


def _write_configuration(site: Site, data: str, parameters: Mapping[str, str]) -> Path:
    configuration = site.runtime / "postgresql.conf"
    text = configuration_text(parameters, include=Path(data, "postgresql.conf"))
    configuration.write_text(text, encoding="utf-8")
    configuration.chmod(0o644)  # the server's account reads it; the folder around it is private
    return configuration


def _stand_in_for_the_watchdog(site: Site) -> None:
    """Leave nothing behind although the watchdog was killed. On Linux the server has ended with it; files are left."""
    end_server(site.data, SUDDEN_END)
    shutil.rmtree(site.runtime, ignore_errors=True)


def _failure(program: str, answer: Mapping[str, Any], log: Path) -> ServerStartError:
    end = f"was not done after {START_TIMEOUT:.0f} s" if "late" in answer else f"ended with {answer['status']}"
    return ServerStartError(f"{program} {end}", log=_tail(log))


def _tail(log: Path) -> str:
    with suppress(OSError):
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LOG_TAIL:])
    return ""
