"""The handle of an embedded PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from poolhouse.embedded.configuration import NO_PARAMETERS, check_parameters
from poolhouse.embedded.joining import joined_server
from poolhouse.embedded.launcher import Launcher, Order
from poolhouse.settings import EmbeddedSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from poolhouse.embedded.launcher import RunningServer

ResultT = TypeVar("ResultT")


class EmbeddedPostgres:
    """A PostgreSQL that lives as long as the application that opened it.

    Building it does nothing. By default its data stays in `settings.data_directory` between runs and survives a crash;
    with `temporary=True` the server is faster and all of it is deleted at the end. `parameters` are parameters of
    PostgreSQL such as `{"work_mem": "64MB"}`; SettingError is raised at once for one that cannot be set. With
    `settings.enabled` False the handle does nothing at all, and `dsn` stays None.

    However the application ends (`close`, an error, SIGTERM, Ctrl-C, kill -9), no process of the server is left two
    seconds later.
    """

    def __init__(
        self,
        settings: EmbeddedSettings | None = None,
        *,
        temporary: bool = False,
        parameters: Mapping[str, str] = NO_PARAMETERS,
    ) -> None:
        self._settings = settings if settings is not None else EmbeddedSettings()
        self._temporary = temporary
        self._parameters = check_parameters(parameters)
        self._lock = asyncio.Lock()
        self._launcher: Launcher | None = None
        self._running: RunningServer | None = None

    @property
    def dsn(self) -> str | None:
        """The address of the database "postgres", in a form that asyncpg takes as it is; None unless open."""
        return self._running.dsn if self._running is not None else None

    @property
    def version(self) -> str | None:
        """The version of the server, such as "18.1"; None unless open."""
        return self._running.version if self._running is not None else None

    async def open(self) -> None:
        """Start the server and return when it accepts connections; does nothing when it is open already.

        Cancelled at any point it leaves neither a process nor a directory, and neither does an error:
        BinariesNotFoundError, DataDirectoryBusyError, DataDirectoryUnusableError, ServerStartError.
        """
        async with self._lock:
            if self._running is None and self._settings.enabled is not False and not self._join():
                launcher = Launcher(self._order())
                try:
                    self._running = await _in_thread(launcher.start, when_cancelled=launcher.abort)
                except BaseException:
                    # A start that was done in the moment of its cancellation has left a server.
                    await _in_thread(launcher.stop)
                    raise
                self._launcher = launcher

    def _join(self) -> bool:
        if not self._temporary:
            self._running = joined_server(self._settings.data_directory.resolve())
        return self._running is not None

    async def close(self) -> None:
        """Stop the server and delete what was made for it; idempotent, over within 5 seconds, even when cancelled."""
        async with self._lock:
            launcher, self._launcher, self._running = self._launcher, None, None
            if launcher is not None:
                await _in_thread(launcher.stop)

    def _order(self) -> Order:
        data = None if self._temporary else self._settings.data_directory.resolve()
        return Order(data_directory=data, binaries=self._settings.binaries, parameters=self._parameters)

    def __repr__(self) -> str:
        place = "temporary" if self._temporary else str(self._settings.data_directory)
        state = (
            f"PostgreSQL {self._running.version}, pid {self._running.pid}" if self._running is not None else "closed"
        )
        return f"<EmbeddedPostgres {place}: {state}>"


async def _in_thread(work: Callable[[], ResultT], *, when_cancelled: Callable[[], None] | None = None) -> ResultT:
    """Run blocking work to its end, even when cancelled: a thread cannot be stopped, so it is asked and waited for."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        if when_cancelled is not None:
            when_cancelled()
        while not thread.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([thread])
        if not thread.cancelled():
            thread.exception()  # seen, so that asyncio does not complain: the cancellation is what counts
        raise
