"""What can be shown of a DSN: everything but its secrets."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit


def describe_dsn(dsn: str) -> str:
    """Say which server, database and role `dsn` means, as `role@host:port/database`, without its password.

    Never raises: what cannot be read as a DSN is described as `an unreadable DSN`, since showing any
    part of it could show the password.
    """
    try:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
    except ValueError:
        return "an unreadable DSN"
    if parts.scheme not in {"postgresql", "postgres"}:
        return "an unreadable DSN"
    credentials, _, hosts = parts.netloc.rpartition("@")
    role = query.get("user", [unquote(credentials.partition(":")[0])])[0]
    host = query.get("host", [unquote(hosts)])[0] or "localhost"
    port = query.get("port", [""])[0]
    database = query.get("dbname", query.get("database", [unquote(parts.path.lstrip("/"))]))[0]
    return f"{role + '@' if role else ''}{host}{':' + port if port else ''}{'/' + database if database else ''}"
