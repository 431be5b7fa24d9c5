"""The pools that are open in this process, so that a second one on the same database is noticed.

Two pools of ten connections are twenty for the server, and neither keeps the other's services from waiting: usually
the second one is a container that was built twice, or a module that was imported under two names.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sysconfig
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType

    from poolhouse.pool.shared import SharedPool

_log = logging.getLogger("poolhouse.pool")

UNKNOWN = "an unknown place"

_PORT = "5432"
_LOOPBACK = {"", "127.0.0.1", "::1"}
_POOLHOUSE = f"{Path(__file__).parents[1]}{os.sep}"
_STANDARD = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib"))
_PACKAGES = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib"))
_OTHERS = tuple(f"{folder}dependency_injector{os.sep}" for folder in _PACKAGES)
_LOOPS = (f"{Path(asyncio.__file__).parent}{os.sep}", *(f"{folder}uvloop{os.sep}" for folder in _PACKAGES))
_STARTER: ContextVar[str | None] = ContextVar("starter", default=None)


class Neighbours:
    """Pools that are open, each until it is closed, or dropped without that."""

    def __init__(self) -> None:
        self._opened: WeakKeyDictionary[SharedPool, tuple[str, str]] = WeakKeyDictionary()
        self._told: set[str] = set()
        # Pools may be opened by the loops of several threads.
        self._lock = threading.Lock()

    def note_opened(self, pool: SharedPool, dsn: str, place: str) -> str | None:
        """Note that `pool` is open on the database of `dsn`, and was made at `place`, such as `app/main.py:31`.

        Returns the place of the first pool on the same database, whatever their roles, and None where there is none.
        An application that wants several pools is told once: None also where a place was returned before, until no
        pool on the database is open any more.
        """
        database = database_of(dsn)
        with self._lock:
            others = [place for each, (where, place) in self._opened.items() if where == database and each is not pool]
            self._opened[pool] = database, place
            is_told = database in self._told
            (self._told.add if others else self._told.discard)(database)
            return others[0] if others and not is_told else None

    def note_closed(self, pool: SharedPool) -> None:
        """Forget `pool`; nothing where it was not open."""
        with self._lock:
            self._opened.pop(pool, None)

    def forget(self) -> None:
        """Forget all pools, as the child of a fork must: the connections are its parent's."""
        self.__init__()  # type: ignore[misc] # also the lock, which another thread may have held in the parent


_NEIGHBOURS = Neighbours()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_NEIGHBOURS.forget)


def note_opened(pool: SharedPool, dsn: str, place: str) -> None:
    """Note that `pool` is open, and log a warning, once, where this process has another pool on the same database."""
    first = _NEIGHBOURS.note_opened(pool, dsn, place)
    if first is not None:
        _log.warning(
            "%s: this process has a second pool on %s, made at %s; the first was made at %s. "
            "Services can share one: build one container, and give its pool to all of them",
            pool.settings.application_name,
            pool.address,
            place,
            first,
        )


def note_closed(pool: SharedPool) -> None:
    """Note that `pool` is closed; nothing where it was not open."""
    _NEIGHBOURS.note_closed(pool)


def place_outside() -> str:
    """Return file and line of the innermost call that is neither ours, nor dependency-injector's, nor Python's own.

    In a task that was made within `starting`, calls from before the task count, too.
    """
    for frame in _frames(inspect.currentframe()):
        file = frame.f_code.co_filename
        if not _is_between(file):
            return f"{_short(file)}:{frame.f_lineno}"
        starter = _STARTER.get()
        # The task's own calls end where the loop's begin; below is whoever runs the loop.
        if starter is not None and file.startswith(_LOOPS):
            return starter
    return UNKNOWN


@contextmanager
def starting() -> Generator[None]:
    """Let pools that are made by tasks which begin in this block have been made by the block's caller."""
    token = _STARTER.set(place_outside())
    try:
        yield
    finally:
        _STARTER.reset(token)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_between(file: str) -> bool:
    if file.startswith((_POOLHOUSE, "<frozen ", *_OTHERS, *_LOOPS)):
        return True
    # Where packages are installed may lie below the standard library.
    return file.startswith(_STANDARD) and not file.startswith(_PACKAGES)


def _short(file: str) -> str:
    return file.removeprefix(f"{Path.cwd()}{os.sep}")


def database_of(dsn: str) -> str:
    """Return hosts, ports and database of `dsn` in a form that is equal for two DSNs that mean the same.

    The role does not count, nor the order of hosts, nor which way loopback is written. A DSN that cannot be read is
    equal to itself only. It may hold what a broken DSN holds, so it is for comparing, and not for showing.
    """
    try:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
    except ValueError:
        return dsn
    credentials, _, hosts = parts.netloc.rpartition("@")
    role = query.get("user", [unquote(credentials.partition(":")[0])])[0]
    database = query.get("dbname", query.get("database", [unquote(parts.path.lstrip("/"))]))[0]
    port = query.get("port", [_PORT])[0]
    named = sorted(_host(each, port) for each in query.get("host", [unquote(hosts)])[0].split(","))
    return f"{','.join(named)}/{database or role}"


def _host(written: str, port: str) -> str:
    if written.startswith("/"):
        return f"{written.rstrip('/')}:{port}"
    host, colon, own = written.rpartition(":")
    if not colon or written.endswith("]"):
        host, own = written, ""
    host = host.strip("[]").lower()
    return f"{'localhost' if host in _LOOPBACK else host}:{own or port}"
