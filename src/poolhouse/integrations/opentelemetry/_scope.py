"""Who measures, and by which conventions."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from poolhouse.integrations._pools import location_of

if TYPE_CHECKING:
    from poolhouse.pool import SharedPool

NAME = "poolhouse"
VERSION = version("poolhouse")
# The conventions that the names of spans, metrics and attributes follow.
SCHEMA = "https://opentelemetry.io/schemas/1.41.0"

_DEFAULT_PORT = 5432


def attributes_of(pool: SharedPool) -> tuple[dict[str, str | int], str]:
    """Return what says which server a pool is on, and its database's name, empty where the DSN does not tell."""
    attributes: dict[str, str | int] = {"db.system.name": "postgresql"}
    location = location_of(pool)
    if location is None:
        return attributes, ""
    attributes["server.address"] = location.host
    if location.port not in {None, _DEFAULT_PORT}:
        attributes["server.port"] = location.port or 0
    return attributes, location.database
