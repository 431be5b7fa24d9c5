"""The owner's end of the watchdog."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolhouse.embedded.configuration import server_environment
from poolhouse.errors import ServerStartError

if TYPE_CHECKING:
    from poolhouse.embedded.account import Account

LONGEST_END = 5.0
WATCHDOG = Path(__file__).with_name("watchdog.py" if os.name == "posix" else "watchdog_windows.py")


class Guard:
    """A watchdog process: it does what it is asked to, and undoes it when this process ends or `end` is called.

    Requests block. `release` may be called from any thread at any time, and breaks a request off.
    """

    def __init__(self, account: Account | None) -> None:
        who = [account.user, account.group] if account is not None else [None, None]
        # A session of its own: Ctrl-C and a closed terminal reach the owner alone.
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this package's own script
            [sys.executable, "-I", "-S", "-B", str(WATCHDOG), json.dumps(who)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # nothing is left in a buffer for a forked child to write again
            cwd=Path(sys.executable).anchor,  # so that it keeps no folder from being removed
            env=server_environment(os.environ),
            start_new_session=True,
        )
        _guards.add(self)

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send one request and return its answer; raises ServerStartError when the watchdog has ended."""
        requests, answers = self._process.stdin, self._process.stdout
        try:
            if requests is None or answers is None:
                raise BrokenPipeError
            requests.write(json.dumps({"do": do, **fields}).encode() + b"\n")
            line = answers.readline()
        except (OSError, ValueError):
            line = b""
        if not line:
            raise ServerStartError("the start was broken off", log="")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> bool:
        """Have everything stopped and deleted, and wait for it: under 2 seconds as a rule, 5 at the most.

        Returns whether the watchdog has done it; False means that it was killed, and that there may be something left.
        """
        self.release()
        try:
            self._process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode == 0

    def release(self) -> None:
        """Close this process's end of the pipe without waiting for what follows from it."""
        if self._process.stdin is not None:
            self._process.stdin.close()


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _release_in_child() -> None:
    # A forked child would otherwise hold the pipe open, and the server would outlive its owner.
    for guard in tuple(_guards):
        guard.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
