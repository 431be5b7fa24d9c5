"""Runs the application: settings, then the container, then the web application, then the server.

`python -m app.main` serves until SIGINT or SIGTERM. It exits with 0 after a clean stop, with 2 when a setting is wrong,
and with 1 when anything else keeps it from running.
"""

import sys
from collections.abc import Iterator

from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.integrations.fastapi import create_application
from poolhouse.integrations.uvicorn import listen, run, serve, url_of
from poolhouse.logs import set_up_logs
from services import orders, payments, users

routers = (users.router, orders.router, payments.router)


def main() -> int:
    """Run the application until it is told to stop, and return the exit code of the process."""
    return run(serve_shop)


async def serve_shop() -> None:
    """Start everything, serve until a signal comes, finish the requests in flight, and stop everything."""
    settings = Settings()
    set_up_logs(settings.logs)
    container = ApplicationContainer(settings=settings)
    schema = "/openapi.json" if settings.http.docs else None
    web = create_application(container, *routers, title="Shop", openapi_url=schema)
    limit = settings.http.shutdown_timeout
    with listen(settings.http.host, settings.http.port, setting="APP_HTTP__") as listener:

        def announce() -> None:
            for line in describe(container):
                say(line)
            say(f"{settings.profile}: serving at {url_of(listener)}")

        cut = await serve(web, listener, shutdown_timeout=limit, started=announce)
    say(f"Stopped; requests that did not finish within {limit} s: {cut}." if cut else "Stopped cleanly.")


def describe(container: ApplicationContainer) -> Iterator[str]:
    """Yield what a person wants to know about a started application, line by line."""
    report, pool = container.report, container.pool()
    for migrated in report.migrations if report else ():
        versions = ", ".join(f"{version:04}" for version in migrated.applied)
        done = f"applied migrations {versions}" if versions else "migrations up to date"
        yield f"service {migrated.module}: schema {migrated.schema}, {done}"
    yield f"pool: at {pool.address}, {pool.settings.min_size} to {pool.settings.max_size} connections"
    yield f"{report}"


def say(line: str) -> None:
    """Tell the person who started the application."""
    print(line, flush=True)  # noqa: T201 - the one place that speaks on standard output


if __name__ == "__main__":
    sys.exit(main())
