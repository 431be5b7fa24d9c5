"""The watchdog of Windows, where nothing of the other one works: pipes cannot be waited for, and there are no signals.

It answers the same requests, and leaves starting and stopping to pg_ctl, without which an administrator could not run
PostgreSQL at all. It hears of its owner's end when the request at hand is done. No test has ever run it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Watchdog:
    """Carries out the requests of one owner, and ends what they began."""

    def __init__(self) -> None:
        self._made: list[Path] = []
        self._pg_ctl: list[str] = []

    def serve(self) -> None:
        """Answer requests until the owner has ended, then leave nothing behind."""
        try:
            for line in sys.stdin.buffer:
                request = json.loads(line)
                answer = getattr(self, f"_{request.pop('do')}")(**request)
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()
        finally:
            self._end()

    def _make(self, path: str) -> dict[str, Any]:
        self._made.append(Path(path))
        Path(path).mkdir()
        return {}

    def _run(self, command: list[str], log: str, timeout: float, **_: Any) -> dict[str, Any]:
        try:
            with Path(log).open("ab") as output:
                done = subprocess.run(command, check=False, timeout=timeout, stdout=output, stderr=output)  # noqa: S603 - the launcher's command
        except subprocess.TimeoutExpired:
            return {"late": True}
        return {"status": done.returncode}

    def _serve(self, command: list[str], log: str, timeout: float, pidfile: str, **_: Any) -> dict[str, Any]:
        self._pg_ctl = [command[0], "-D", str(Path(pidfile).parent), "-t", "1", "stop", "-m"]
        answer = self._run(command, log, timeout)
        if answer.get("status") != 0:
            return answer
        return {"ready": int(Path(pidfile).read_text(encoding="utf-8").split("\n", 1)[0])}

    def _end(self) -> None:
        for mode in ("fast", "immediate") if self._pg_ctl else ():
            if subprocess.run([*self._pg_ctl, mode], check=False, capture_output=True).returncode == 0:  # noqa: S603 - the same
                break
        for path in self._made:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    Watchdog().serve()
