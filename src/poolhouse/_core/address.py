"""What can be shown of a DSN: everything but its secrets."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

UNREADABLE = "an unreadable DSN"

_HOST = r"(?:\[[\w:.%]*\]|[^:@\[\]]*)(?::\d*)?"
_PORT = re.compile(r"(\[.*\]|.*?)(?::(\d*))?", re.DOTALL)
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
# What a DSN or a connection string inside a part would need.
_SUSPECT = re.compile(r"[:=@]")


class _Parts(NamedTuple):
    role: str
    host: str
    port: str
    database: str


class Location(NamedTuple):
    """Where a database is, as far as its DSN says: an address or a folder of sockets, a port, and its name."""

    host: str
    port: int | None
    database: str


def describe_dsn(dsn: str) -> str:
    """Say which server, database and role `dsn` means, as `role@host:port/database`, without its password.

    Never raises. A text whose password cannot be told apart with certainty, because characters in it are
    not percent-encoded, is described as `an unreadable DSN`.
    """
    parts = _parts(dsn)
    if parts is None:
        return UNREADABLE
    role, host, port, database = parts
    return f"{role + '@' if role else ''}{host}{':' + port if port else ''}{'/' + database if database else ''}"


def _parts(dsn: str) -> _Parts | None:
    try:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
    except ValueError:
        return None
    credentials, _, hosts = parts.netloc.rpartition("@")
    # An `@` further on means that a `/`, `?` or `#` in the password has ended the credentials too early.
    is_cut = "@" in f"{parts.path}{parts.query}{parts.fragment}"
    if parts.scheme not in {"postgresql", "postgres"} or is_cut or not _HOSTS.fullmatch(hosts):
        return None
    role = query.get("user", [unquote(credentials.partition(":")[0])])[0]
    host = query.get("host", [unquote(hosts)])[0] or "localhost"
    port = query.get("port", [""])[0]
    database = query.get("dbname", query.get("database", [unquote(parts.path.lstrip("/"))]))[0]
    if _SUSPECT.search(role.replace("@", "")) or _SUSPECT.search(database) or not _HOSTS.fullmatch(host):
        return None
    return _Parts(role, host, port, database)


def role_in_dsn(dsn: str) -> str:
    """Return the role that `dsn` names; empty where it names none, or cannot be read."""
    parts = _parts(dsn)
    return "" if parts is None else parts.role


def location_in_dsn(dsn: str) -> Location | None:
    """Return where the database of `dsn` is; None where that cannot be read, or is several places."""
    parts = _parts(dsn)
    if parts is None or "," in parts.host:
        return None
    host, port = _PORT.fullmatch(parts.host).groups()  # type: ignore[union-attr] # it takes every host
    written = parts.port or port or ""
    return Location(host, int(written) if written.isdecimal() else None, parts.database or parts.role)
