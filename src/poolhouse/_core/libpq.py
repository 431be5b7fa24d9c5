"""From a DSN, as the driver reads it, to the environment of programs that are made with libpq, such as psql."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from poolhouse._core.identifiers import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://www.postgresql.org/docs/current/libpq-envars.html
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "database": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "servicefile": "PGSERVICEFILE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
}
# It is asked for where it is needed: there is no variable for it.
_SECRET = "sslpassword"  # noqa: S105 - a name


def environment_of(dsn: str, *, application_name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return variables by which libpq connects as `dsn` says; the password is in one of them, and nowhere else.

    `settings` are the server's, set when the session begins; so are those that the DSN has.
    """
    parts = urlsplit(dsn)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    pairs = [each.rpartition(":") if _has_port(each) else (each, "", "") for each in hosts.split(",") if each]
    given = {
        "host": ",".join(unquote(host.strip("[]")) for host, _, _ in pairs),
        "port": ",".join(port for _, _, port in pairs),
        "user": unquote(user),
        "password": unquote(password),
        "dbname": unquote(parts.path.lstrip("/")),
    }
    given |= {name: values[-1] for name, values in parse_qs(parts.query).items()}
    of_server = {name: value for name, value in given.items() if name not in {*_VARIABLES, _SECRET}}
    environment = {_VARIABLES[name]: value for name, value in given.items() if name in _VARIABLES and value.strip(",")}
    options = " ".join(f"-c {name}={_escaped(value)}" for name, value in {**of_server, **settings}.items())
    return environment | {"PGAPPNAME": application_name} | ({"PGOPTIONS": options} if options else {})


def settings_of(schema: str | None, role: str | None) -> dict[str, str]:
    """Return the settings with which a session finds a schema's tables by their names, and speaks for a role."""
    path = {} if schema is None else {"search_path": f"{quote_identifier(schema)}, public"}
    return path if role is None else {**path, "role": role}


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].count(":") == 1


def _escaped(value: str) -> str:
    # In PGOPTIONS white space separates, and a backslash escapes.
    return "".join(f"\\{character}" if character.isspace() or character == "\\" else character for character in value)
