"""The services of an application: what a command can be about besides modules of migrations."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from poolhouse._core.suggestion import nearest
from poolhouse.cli.application import Application
from poolhouse.cli.scaffold.sources import Sources
from poolhouse.container import Container
from poolhouse.container.plan import plan_start
from poolhouse.errors import CommandError
from poolhouse.schema import SchemaManager


def managers_by_service(container: Container) -> Mapping[str, SchemaManager]:
    """Return a schema manager of each service that has one, without opening anything."""
    managers = plan_start(cast("Any", container)).managers
    return {manager.service: manager for manager in sorted(managers, key=lambda each: each.service)}


def manager_of(container: Container, service: str) -> SchemaManager:
    """Return a schema manager of a service; CommandError for a service that there is not."""
    known = managers_by_service(container)
    if service not in known:
        close = nearest(service, known)
        remedy = f"Did you mean {close}?" if close else f"There are {', '.join(known)}"
        raise CommandError(f"there is no service {service!r}", remedy=remedy)
    return known[service]


def complete_services(incomplete: str) -> Iterator[str]:
    """Yield the names of services that begin with `incomplete`; nothing where none can be found.

    The application's source is read, and not run: a shell asks at each press of a key. Where it wires services in
    another way, the application is loaded.
    """
    application = Application()
    try:
        services = Sources(application.project).services() or managers_by_service(application.container)
    except (Exception, SystemExit):  # noqa: BLE001 - a shell that completes is no place for errors
        return
    yield from sorted(service for service in services if service.startswith(incomplete))
