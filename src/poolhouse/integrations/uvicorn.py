"""Serving an application with uvicorn: a port found taken before anything is started, and signals that end it well."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poolhouse._core.extras import needing
from poolhouse.container import BackgroundTaskCrashed, on_signals, run
from poolhouse.container.process import log_interrupted_start
from poolhouse.errors import AddressInUseError, SettingError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from fastapi import FastAPI

    from poolhouse.integrations.fastapi import Readiness

with needing("uvicorn", extra="fastapi"):
    import uvicorn

__all__ = ["listen", "run", "serve", "url_of"]

_log = logging.getLogger(__name__)


def listen(host: str, port: int, *, setting: str = "") -> socket.socket:
    """Return a socket that listens on `host` and `port`; port 0 takes any free one.

    Call it before anything is started: AddressInUseError is then raised before a database is touched.
    SettingsError for a host that this machine has not. `setting` is the prefix under which a person sets
    both, such as `APP_HTTP__`, for the messages.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = f"Stop the other process, or set {setting}PORT to another port (0 takes any free one)"
            raise AddressInUseError(f"{host}:{port}", remedy=remedy) from None
        raise SettingsError([SettingError(f"{setting}HOST", f"cannot listen here: {error.strerror}")]) from None


def url_of(listener: socket.socket) -> str:
    """Return the address of a listening socket, as a client would write it."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def serve(
    application: FastAPI, listener: socket.socket, *, shutdown_timeout: int, started: Callable[[], None] | None = None
) -> int:
    """Start `application` (made by `create_application`), serve on `listener`, and stop it on SIGINT or SIGTERM.

    `started` is called when the start is over and requests are about to be served. The first signal ends
    readiness, lets requests in flight finish for `shutdown_timeout` seconds and stops the container; during
    the start it rolls that back, and what fails then is logged. A second one, from somebody in a hurry, cancels the
    requests. Returns how many requests were cut, and logs which. An error of the start or of the shutdown is raised as
    it is. The crash of a background task that stops the application does what a first signal does, and is raised in
    the end.
    """
    # Its lifespan is entered here: uvicorn would log a failed start and exit instead of raising its error.
    config = uvicorn.Config(application, lifespan="off", log_config=None, timeout_graceful_shutdown=shutdown_timeout)
    server = _Server(config)
    cut = 0
    readiness: Readiness = application.state.readiness
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    try:
        with _stopped_by_signals(server, readiness, task), _stopped_by_crashes(server, readiness):
            async with application.router.lifespan_context(application):
                if started is not None:
                    started()
                await server.serve(sockets=[listener])
                cut = len(server.server_state.tasks)
                if cut:
                    _log.warning("requests that did not finish in time were cut: %s", ", ".join(_in_flight(server)))
    except asyncio.CancelledError as cancelled:
        if not server.is_start_interrupted or task.uncancel():
            raise
        log_interrupted_start(cancelled)
    return cut


def _in_flight(server: uvicorn.Server) -> list[str]:
    cycles: list[Any] = [getattr(connection, "cycle", None) for connection in server.server_state.connections]
    scopes = [cycle.scope for cycle in cycles if cycle is not None and not cycle.response_complete]
    return sorted(f"{scope['method']} {scope['path']}" for scope in scopes) or ["of unknown protocols"]


class _Server(uvicorn.Server):
    is_start_interrupted = False

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # uvicorn's own handlers only stop what already serves, and raise the signal again when all is stopped:
        # a start could not be interrupted, and a clean stop would not exit with 0.
        yield


@contextmanager
def _stopped_by_crashes(server: uvicorn.Server, readiness: Readiness) -> Generator[None]:
    def stop(crash: BackgroundTaskCrashed) -> None:
        if crash.stops_application:
            readiness.close()
            server.should_exit = True

    readiness.container.subscribe(BackgroundTaskCrashed, stop)
    try:
        yield
    finally:
        readiness.container.unsubscribe(BackgroundTaskCrashed, stop)


@contextmanager
def _stopped_by_signals(server: _Server, readiness: Readiness, start: asyncio.Task[Any]) -> Generator[None]:
    def stop() -> None:
        readiness.close()
        if server.should_exit:
            for request in server.server_state.tasks:
                request.cancel()
        elif not server.started:
            server.is_start_interrupted = start.cancel()
        server.should_exit = True

    with on_signals(stop):
        yield
