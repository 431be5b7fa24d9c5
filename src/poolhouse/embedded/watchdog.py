"""The process between an application and its server: when the application ends, however it ends, so does the server.

It runs as a script of its own (isolated, without site-packages, importing little, so that it is up in a few milliseconds) and
must therefore import nothing of poolhouse. Its standard input is a pipe whose only writer is the application: end of file
means that the application closed it or died. Requests and answers are lines of JSON, one answer to each request:

```text
{"do": "make", "path": P}                                    -> {}           P exists, is private, and is deleted at the end
{"do": "run", "command": C, "directory": D, "log": L, ...}   -> {"status": N}
{"do": "serve", ..., "pidfile": P, "timeout": S, "stop": [[signal, seconds], ...]}
                                             -> {"ready": pid} or {"status": N} (it ended) or {"late": true}
```
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_INTERVAL = 0.005
KILL = [[int(getattr(signal, "SIGKILL", signal.SIGTERM)), 0.5]]
PR_SET_PDEATHSIG = 1


class OwnerEnded(Exception):
    """End of file: nobody is left to serve."""


def is_ready(pidfile: str, pid: int) -> bool:
    """Whether the server with this pid has written into `postmaster.pid` that it accepts connections."""
    try:
        with open(pidfile, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - importing pathlib takes longer than all the rest
            lines = file.read().split("\n")
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def parent_death_signal() -> Callable[[int], None]:
    """A function that asks Linux to signal the calling process when its parent dies; elsewhere it does nothing."""
    if sys.platform != "linux":
        return lambda _: None
    try:
        import ctypes  # noqa: PLC0415 - only a forked child needs it, on one platform
    except ImportError:
        return lambda _: None
    prctl = ctypes.CDLL(None).prctl
    return lambda number: prctl(PR_SET_PDEATHSIG, number)


def kill_group(leader: int) -> None:
    """Kill what a program such as initdb has started; a leader that has just been forked has no group yet."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Watchdog:
    """Carries out the requests of one owner, and ends what they began."""

    def __init__(self, user: int | None, group: int | None) -> None:
        self._user = user
        self._group = group
        self._child: int | None = None
        self._status = 0
        self._stop = KILL
        self._made: list[str] = []
        self._buffer = b""
        self._alarm, alarm = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(alarm, False)
        signal.set_wakeup_fd(alarm)
        # Handlers that do nothing rather than SIG_IGN: children would inherit the latter. Only end of file ends a watchdog.
        for name in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda *_: None)

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
        """Until the owner says something, a child ends, or the time is over."""
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

    def _watch(self, is_over: Callable[[], bool], seconds: float, interval: float, *, owned: bool = True) -> bool:
        deadline = time.monotonic() + seconds
        while self._child is not None and not is_over():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._wait(min(left, interval), owned=owned)
        return True

    def _make(self, path: str) -> dict[str, Any]:
        self._made.append(path)
        os.mkdir(path, 0o700)  # noqa: PTH102 - see is_ready
        if self._user is not None and self._group is not None:
            os.chown(path, self._user, self._group)
        return {}

    def _run(self, command: list[str], directory: str, log: str, timeout: float) -> dict[str, Any]:
        self._stop = KILL
        self._spawn(command, directory, log, KILL[0][0])
        if not self._watch(lambda: False, timeout, timeout):
            self._end()
            return {"late": True}
        return {"status": self._status}

    def _serve(
        self,
        command: list[str],
        directory: str,
        log: str,
        timeout: float,
        pidfile: str,
        stop: list[list[float]],
    ) -> dict[str, Any]:
        self._stop = stop
        # Without a watchdog there is one signal and no second: immediate is the one that ends quickly and loses nothing committed.
        pid = self._spawn(command, directory, log, signal.SIGQUIT)
        if not self._watch(lambda: is_ready(pidfile, pid), timeout, POLL_INTERVAL):
            self._end()
            return {"late": True}
        return {"status": self._status} if self._child is None else {"ready": pid}

    def _spawn(self, command: list[str], directory: str, log: str, last_signal: int) -> int:
        parent = os.getpid()
        # This process has one thread, so a fork is safe, and takes none of the 12 ms that importing subprocess does.
        self._child = os.fork()
        if self._child == 0:
            self._become(parent, command, directory, log, last_signal)
        return self._child

    def _become(self, parent: int, command: list[str], directory: str, log: str, last_signal: int) -> NoReturn:
        try:
            os.setsid()
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(directory)  # before the change of user, who may not be able to walk there
            os.umask(0o077)
            die_with_parent = parent_death_signal()  # loaded while the interpreter's own files can still be read
            if self._user is not None and self._group is not None:
                os.setgroups([])
                os.setgid(self._group)
                os.setuid(self._user)
            die_with_parent(last_signal)  # called after the change of user, which would reset it
            if os.getppid() != parent:
                os._exit(1)
            os.execv(command[0], command)  # noqa: S606 - the launcher's own command, and no shell
        except Exception as error:  # noqa: BLE001 - a forked child has nobody else to tell
            os.write(2, f"{command[0]}: {error}\n".encode())
        finally:
            os._exit(127)

    def _end(self) -> None:
        for number, seconds in self._stop:
            if self._child is not None:
                os.kill(self._child, int(number))
                if number == KILL[0][0]:
                    kill_group(self._child)
                self._watch(lambda: False, seconds, seconds, owned=False)

    def _delete(self) -> None:
        if self._made:
            import shutil  # noqa: PLC0415 - heavy, and nobody waits for it here

            for path in self._made:
                shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    _user, _group = json.loads(sys.argv[1])
    Watchdog(_user, _group).serve()
