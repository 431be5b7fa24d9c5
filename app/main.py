"""Runs the application: settings, then the container, then the web application, then the server.

`python -m app.main` serves until SIGINT or SIGTERM. It exits with 0 after a clean stop, with 2 when a setting is wrong,
and with 1 when anything else keeps it from running.
"""

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from app.settings import HttpSettings, Settings
from containers.application import ApplicationContainer
from poolhouse.errors import AddressInUseError, PoolhouseError, SettingError, SettingsError
from poolhouse.integrations.fastapi import Readiness, create_application
from services import orders, payments, users


class Server(uvicorn.Server):
    """A server that leaves signals to `stop_on_signals`.

    uvicorn's own handlers only stop what already serves, and raise the signal again afterwards: a start
    could not be interrupted, and a clean stop would not exit with 0.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def main() -> int:
    """Run the application until it is told to stop, and return the exit code of the process."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    code = 0
    try:
        settings = Settings()
        with listen(settings.http) as listener:
            asyncio.run(serve(settings, listener))
    except* SettingsError as errors:
        code = 2
        complain(errors)
    except* PoolhouseError as errors:
        code = 1
        complain(errors)
    return code


def listen(http: HttpSettings) -> socket.socket:
    """Return a socket that listens already, so that a port in use is found before a database is touched."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        return socket.create_server((http.host, http.port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = "Stop the other process, or set APP_HTTP__PORT to another port (0 takes any free one)"
            raise AddressInUseError(f"{http.host}:{http.port}", remedy=remedy) from None
        raise SettingsError([SettingError("APP_HTTP__HOST", f"cannot listen here: {error.strerror}")]) from None


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Start everything, serve until a signal comes, finish the requests in flight, and stop everything."""
    container = ApplicationContainer(settings=settings)
    web = create_application(container, users.router, orders.router, payments.router, title="Shop")
    limit = settings.http.shutdown_timeout
    server = Server(uvicorn.Config(web, lifespan="off", log_config=None, timeout_graceful_shutdown=limit))
    stop_on_signals(server, web.state.readiness)
    cut = 0
    with suppress(asyncio.CancelledError):  # a signal came during the start, which has been rolled back
        # Entered here and not by uvicorn, which would log a failed start and exit instead of raising its error.
        async with web.router.lifespan_context(web):
            for line in describe(container, listener):
                say(line)
            await server.serve(sockets=[listener])
            cut = len(server.server_state.tasks)
    say(f"Stopped; requests that did not finish within {limit} s: {cut}." if cut else "Stopped cleanly.")


def stop_on_signals(server: Server, readiness: Readiness) -> None:
    """Let SIGINT and SIGTERM stop the server, or the start where it does not serve yet.

    The first one lets requests in flight finish; the second one, from somebody in a hurry, cancels them.
    """
    loop, start = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        readiness.close()
        if server.should_exit:
            for request in server.server_state.tasks:
                request.cancel()
        elif not server.started and start is not None:
            start.cancel()
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def describe(container: ApplicationContainer, listener: socket.socket) -> Iterator[str]:
    """Yield what a person wants to know about a started application, line by line."""
    settings, pool, report = container.settings(), container.pool(), container.report
    for migrated in report.migrations if report else ():
        versions = ", ".join(f"{version:04}" for version in migrated.applied)
        done = f"applied migrations {versions}" if versions else "migrations up to date"
        yield f"service {migrated.module}: schema {migrated.schema}, {done}"
    yield f"pool: at {pool.address}, {pool.settings.min_size} to {pool.settings.max_size} connections"
    host, port = listener.getsockname()[:2]
    yield f"{settings.profile}: serving at http://{f'[{host}]' if ':' in host else host}:{port}"


def say(line: str) -> None:
    """Tell the person who started the application."""
    print(line, flush=True)  # noqa: T201 - the one place that speaks on standard output


def complain(errors: BaseExceptionGroup[PoolhouseError]) -> None:
    """Show what went wrong on standard error, each error with the notes that say where, without tracebacks."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            complain(error)
        else:
            print(error, *getattr(error, "__notes__", ()), sep="\n  ", file=sys.stderr)  # noqa: T201 - and on standard error


if __name__ == "__main__":
    sys.exit(main())
