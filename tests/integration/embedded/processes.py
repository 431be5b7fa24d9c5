"""What is running, and what is left."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

OWNER = Path(__file__).with_name("owner.py")
PROMISED = 2.0


def until(is_so: Callable[[], Any], *, within: float = 10.0) -> Any:
    """Look again and again, and return the first true answer."""
    deadline = time.monotonic() + within
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"still not so after {within} s"
        time.sleep(0.005)
    return answer


def servers_on(data: Path | str) -> list[int]:
    """Every process that works in the data directory, postmaster or not, whether the directory still exists or not."""
    return [pid for pid in pids() if folder_of(pid) == str(data)]


def folder_of(pid: int) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/cwd").readlink()).removesuffix(" (deleted)")
    return ""


def marked(mark: str) -> list[int]:
    """Every other process that has this "NAME=value" in its environment."""
    return [pid for pid in pids() if pid != os.getpid() and mark.encode() in environment_of(pid)]


def pids() -> list[int]:
    return [int(process.name) for process in Path("/proc").iterdir() if process.name.isdecimal()]


def environment_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


@dataclass
class Owner:
    process: subprocess.Popen[str]
    pid: int
    data: str
    watchdog: int
    runtime: str
    visits: int
    user: int
    child: int
    dsn: str

    def left(self) -> list[object]:
        """What is still there of the server: processes and the directory of its socket."""
        left: list[object] = [pid for pid in (self.watchdog, *servers_on(self.data)) if is_alive(pid)]
        return [*left, *([self.runtime] if Path(self.runtime).exists() else [])]

    def leaves_nothing(self) -> bool:
        return not self.left()
