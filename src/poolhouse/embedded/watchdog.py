"""The process between an application and its server: when the application ends, however it ends, so does the server.

It runs as a script of its own (isolated, without site-packages, importing little, so as to be up in 20 ms) and
must therefore import nothing of poolhouse. Its standard input is a pipe whose only writer is the application: end of
file means that the application has closed it or died. Requests and answers are lines of JSON, an answer to each:

```text
{"do": "make", "path": P}                      P exists, is private, and is deleted at the end
  -> {}
{"do": "run", "command": C, "log": L, "held": [D, N], "timeout": S}
  -> {"status": N} or {"late": true}
{"do": "serve", ..., "pidfile": P, "stop": [[signal, seconds], ...], "grandparent": N}
  -> {"ready": pid}, {"status": N} (it ended) or {"late": true}
```

`held` is a folder and the file descriptor as which the command finds it open, to use it without a right to walk there.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False  # importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    Steps = Sequence[tuple[int, float]]

POLL_INTERVAL = 0.005
KILL: Steps = ((signal.SIGKILL, 0.5),)
PR_SET_PDEATHSIG = 1
# Backends of a server that had to be killed may still be writing.
DELETE_ATTEMPTS = 20


class OwnerEnded(Exception):
    """End of file: nobody is left to serve."""


def is_ready(pidfile: str, pid: int) -> bool:
    """Whether the server with this pid has written into `postmaster.pid` that it accepts connections."""
    try:
        with open(pidfile, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - importing pathlib is slow
            lines = file.read().split("\n")
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def parent_death_signal() -> Callable[[int], object]:
    """Return a function that asks Linux to signal the calling process when its parent dies, or does nothing."""
    if sys.platform != "linux":
        return lambda _: None
    try:
        import ctypes  # noqa: PLC0415 - only a forked child needs it, on one platform
    except ImportError:
        return lambda _: None
    prctl = ctypes.CDLL(None).prctl
    return lambda number: prctl(PR_SET_PDEATHSIG, number)


def ignore(*_: object) -> None:
    """Handle a signal by doing nothing. SIG_IGN would be inherited by every child."""


class Watchdog:
    """Carries out the requests of one owner, and ends what they began."""

    def __init__(self, user: int | None, group: int | None) -> None:
        self._account = (user, group) if user is not None and group is not None else None
        self._child: int | None = None
        self._status = 0
        self._stop = KILL
        self._made: list[str] = []
        self._buffer = b""
        self._alarm, alarm = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(alarm, False)
        signal.set_wakeup_fd(alarm)
        # Only end of file ends a watchdog: a signal to the whole session or service is for its owner to act on.
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, ignore)

    def serve(self) -> None:
        """Answer requests until the owner has ended, then leave nothing behind."""
        try:
            while True:
                request = self._receive()
                answer = getattr(self, f"_{request.pop('do')}")(**request)
                os.write(1, json.dumps(answer).encode() + b"\n")
        except (OwnerEnded, OSError):
            pass
        finally:
            self._end()
            self._delete()

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._wait(None)
        line, _, self._buffer = self._buffer.partition(b"\n")
        request: dict[str, Any] = json.loads(line)
        return request

    def _wait(self, seconds: float | None, *, owned: bool = True) -> None:
        """Return when the owner has said something, a child has ended, or the time is over."""
        readable, _, _ = select.select([0, self._alarm] if owned else [self._alarm], [], [], seconds)
        if self._alarm in readable:
            os.read(self._alarm, 4096)
            self._reap()
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                raise OwnerEnded
            self._buffer += data

    def _reap(self) -> None:
        if self._child is not None:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            if pid:
                self._child, self._status = None, os.waitstatus_to_exitcode(status)

    def _watch(self, seconds: float, is_over: Callable[[], bool] | None = None, *, owned: bool = True) -> bool:
        """Return True when the child has ended or `is_over` says so, False when the time is up."""
        deadline = time.monotonic() + seconds
        while self._child is not None and not (is_over is not None and is_over()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._wait(left if is_over is None else min(left, POLL_INTERVAL), owned=owned)
        return True

    def _make(self, path: str) -> dict[str, Any]:
        self._made.append(path)
        os.mkdir(path, 0o700)  # noqa: PTH102 - importing pathlib is slow
        # Held for life, and let go by the kernel: a directory without it is one whose watchdog was killed.
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
        if self._account is not None:
            os.chown(path, *self._account)
        return {}

    def _run(self, command: list[str], log: str, held: tuple[str, int], timeout: float) -> dict[str, Any]:
        self._stop = KILL
        self._spawn(command, log, held, signal.SIGKILL)
        if self._watch(timeout):
            return {"status": self._status}
        self._end()
        return {"late": True}

    def _serve(
        self,
        command: list[str],
        log: str,
        held: tuple[str, int],
        timeout: float,
        pidfile: str,
        stop: Steps,
        grandparent: int,
    ) -> dict[str, Any]:
        self._stop = stop
        # PostgreSQL takes a lock file with this pid for a stale one, and it is: the launcher has looked at the process.
        os.environ["PG_GRANDPARENT_PID"] = str(grandparent)
        # Without a watchdog there is no second signal, and an immediate end is quick and loses nothing committed.
        pid = self._spawn(command, log, held, signal.SIGQUIT)
        if not self._watch(timeout, lambda: is_ready(pidfile, pid)):
            self._end()
            return {"late": True}
        return {"status": self._status} if self._child is None else {"ready": pid}

    def _spawn(self, command: list[str], log: str, held: tuple[str, int], last_signal: int) -> int:
        watchdog = os.getpid()
        # This process has one thread, so a fork is safe, and it spares the 12 ms that importing subprocess takes.
        self._child = os.fork()
        if self._child == 0:
            self._become(watchdog, command, log, held, last_signal)
        return self._child

    def _become(self, watchdog: int, command: list[str], log: str, held: tuple[str, int], last_signal: int) -> NoReturn:
        try:
            os.setsid()
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            folder, descriptor = held
            os.dup2(os.open(folder, os.O_RDONLY), descriptor)
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - not so yet when it was opened as this very descriptor
            os.umask(0o077)
            die_with_parent = parent_death_signal()  # loaded while the interpreter's own files can still be read
            if self._account is not None:
                os.setgroups([])
                os.setgid(self._account[1])
                os.setuid(self._account[0])
            die_with_parent(last_signal)  # called after the change of user, which would reset it
            if os.getppid() == watchdog:
                os.execv(command[0], command)  # noqa: S606 - the launcher's own command, and no shell
        except Exception as error:  # noqa: BLE001 - a forked child has nobody else to tell
            os.write(2, f"{command[0]}: {error}\n".encode())
        finally:
            os._exit(127)

    def _end(self) -> None:
        for number, seconds in self._stop:
            if self._child is not None:
                os.kill(self._child, number)
                if number == signal.SIGKILL:
                    with suppress(ProcessLookupError):  # a child that has just been forked has no group yet
                        os.killpg(self._child, number)
                self._watch(seconds, owned=False)

    def _delete(self) -> None:
        import shutil  # noqa: PLC0415 - heavy, and nobody waits for it here

        for path in self._made:
            for _ in range(DELETE_ATTEMPTS):
                shutil.rmtree(path, ignore_errors=True)
                if not os.path.lexists(path):
                    break
                self._wait(POLL_INTERVAL, owned=False)


if __name__ == "__main__":
    Watchdog(*json.loads(sys.argv[1])).serve()
