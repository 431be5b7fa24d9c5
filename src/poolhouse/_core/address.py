"""What can be shown of a DSN: everything but its secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

UNREADABLE = "an unreadable DSN"

_HOST = r"(?:\[[\w:.%]*\]|[^:@\[\]]*)(?::\d*)?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
# What a DSN or a connection string inside a part would need.
_SUSPECT = re.compile(r"[:=@]")


def describe_dsn(dsn: str) -> str:
    """Say which server, database and role `dsn` means, as `role@host:port/database`, without its password.

    Never raises. A text whose password cannot be told apart with certainty, because characters in it are
    not percent-encoded, is described as `an unreadable DSN`.
    """
    try:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
    except ValueError:
        return UNREADABLE
    credentials, _, hosts = parts.netloc.rpartition("@")
    # An `@` further on means that a `/`, `?` or `#` in the password has ended the credentials too early.
    is_cut = "@" in f"{parts.path}{parts.query}{parts.fragment}"
    if parts.scheme not in {"postgresql", "postgres"} or is_cut or not _HOSTS.fullmatch(hosts):
        return UNREADABLE
    role = query.get("user", [unquote(credentials.partition(":")[0])])[0]
    host = query.get("host", [unquote(hosts)])[0] or "localhost"
    port = query.get("port", [""])[0]
    database = query.get("dbname", query.get("database", [unquote(parts.path.lstrip("/"))]))[0]
    if _SUSPECT.search(role.replace("@", "")) or _SUSPECT.search(database) or not _HOSTS.fullmatch(host):
        return UNREADABLE
    return f"{role + '@' if role else ''}{host}{':' + port if port else ''}{'/' + database if database else ''}"


def role_in_dsn(dsn: str) -> str:
    """Return the role that `dsn` names; empty where it names none, or cannot be read."""
    described = describe_dsn(dsn)
    return "" if described == UNREADABLE else described.rpartition("@")[0]
