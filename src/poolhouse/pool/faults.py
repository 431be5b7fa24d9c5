"""From the driver's errors to ours: what happened, whether to try again, and nothing that holds a parameter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import asyncpg

from poolhouse import errors
from poolhouse.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    DatabaseError,
    DatabaseMissingError,
    PoolhouseError,
    QueryTimeoutError,
    ServerUnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# All that the driver raises for a statement or a connection; TimeoutError is an OSError.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

_BY_CODE: Mapping[str, type[DatabaseError]] = {
    "23505": errors.UniqueViolationError,
    "23503": errors.ForeignKeyViolationError,
    "23502": errors.NotNullViolationError,
    "23514": errors.CheckViolationError,
    "25006": errors.ReadOnlyError,
    "25P02": errors.InFailedSqlTransactionError,
    "25P03": ConnectionLostError,
    "25P04": ConnectionLostError,
    "42501": errors.InsufficientPrivilegeError,
    "55P03": errors.LockNotAvailableError,
    "57014": QueryTimeoutError,
    "57P01": ConnectionLostError,
    "57P02": ConnectionLostError,
    "57P03": ConnectionLostError,
    "57P05": ConnectionLostError,
}

_BY_CLASS: Mapping[str, type[DatabaseError]] = {
    "08": ConnectionLostError,
    "22": errors.DataError,
    "23": errors.IntegrityConstraintViolationError,
    "40": errors.TransactionRollbackError,
}

_AUTHENTICATION = ("28000", "28P01")
_MISSING_DATABASE = "3D000"
# The server is starting or stopping (57P), full for the moment (53), or the connection broke under way (08).
_PASSING_CLASSES = ("08", "53", "57")

_QUOTED = re.compile(r"""["'].*["']""")
_EXPECTED = re.compile(
    r"\((expected [\w., ]+|value out of [\w ]+ range|'\w+' object cannot be interpreted as an integer)\)$"
)
_GONE = re.compile(r"connection is closed|closed in the middle|connection was closed")


def translate(error: BaseException, *, service: str | None = None) -> PoolhouseError | None:
    """Return our error for one that came out of the driver or the socket, or None when it is neither.

    Raise the result `from None`: the driver's text can hold parameters of the query.
    """
    if isinstance(error, asyncpg.PostgresError):
        return _from_server(error, service)
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return _from_driver(error, service)
    if isinstance(error, TimeoutError):
        fact = "the statement ran past its time limit and was cancelled"
        return QueryTimeoutError(fact, service=service, remedy="Make it quicker, or raise timeout or command_timeout")
    if isinstance(error, OSError):
        return _lost(service)
    return None


def aborts_transaction(error: BaseException) -> bool:
    """Whether a transaction is lost after `error`: everything but what the driver refused on its own."""
    if isinstance(error, asyncpg.PostgresError):
        # The driver's own DataError is a PostgresError too, but has no severity: no server sent it.
        return getattr(error, "severity", None) is not None
    return not isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)


def _from_server(error: asyncpg.PostgresError, service: str | None) -> DatabaseError:
    if isinstance(error, asyncpg.ConnectionDoesNotExistError):
        return _lost(service)
    code = error.sqlstate or ""
    kind = _BY_CODE.get(code) or _BY_CLASS.get(code[:2], DatabaseError)
    return kind(
        _without_values(error.args[0] if error.args else "", code),
        service=service,
        sqlstate=code or None,
        schema=_field(error, "schema_name"),
        table=_field(error, "table_name"),
        column=_field(error, "column_name"),
        constraint=_field(error, "constraint_name"),
        remedy=_field(error, "hint"),
    )


def _field(error: asyncpg.PostgresError, name: str) -> str | None:
    return getattr(error, name, None)


def _without_values(message: object, code: str) -> str:
    text = str(message).partition("\n")[0].rstrip(".")
    if not code.startswith("22"):
        return text
    # Only data exceptions repeat what the caller passed in: `invalid input syntax for type integer: "..."`, and
    # the driver's own `invalid input for query argument $1: ... (expected str, got int)`.
    expected = _EXPECTED.search(text)
    fact = _QUOTED.sub("…", text.partition(": ")[0])
    return f"{fact} ({expected.group(1)})" if expected else fact


def _from_driver(error: Exception, service: str | None) -> DatabaseError:
    text = str(error).partition("\n")[0].rstrip(".")
    if _GONE.search(text):
        return _lost(service)
    return UsageError(_QUOTED.sub("…", text), service=service)


def _lost(service: str | None) -> ConnectionLostError:
    remedy = "Run the transaction again; the pool replaces the connection by itself"
    return ConnectionLostError("the connection to the server was lost", service=service, remedy=remedy)


def may_pass(error: BaseException) -> bool:
    """Whether waiting can mend a failed attempt to connect: a server that is not up yet, or full for the moment."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_PASSING_CLASSES)
    return isinstance(error, OSError | TimeoutError | EOFError)


def connect_error(error: BaseException, *, address: str, waited: float | None = None) -> PoolhouseError | None:
    """Return our error for a failed attempt to connect to `address`, or None when the error is not about that.

    `waited` is for how many seconds attempts were made.
    """
    code = error.sqlstate or "" if isinstance(error, asyncpg.PostgresError) else ""
    if may_pass(error):
        after = f" after {waited:.1f} s of attempts" if waited is not None else ""
        remedy = "See that the server runs and that host and port are right, or raise startup_timeout"
        return ServerUnavailableError(
            f"no PostgreSQL answers{after} ({_reason(error)})", address=address, remedy=remedy
        )
    if code in _AUTHENTICATION:
        remedy = "Check the role and the password in the DSN, and the server's pg_hba.conf"
        return AuthenticationError(f"the server refused the role: {_reason(error)}", address=address, remedy=remedy)
    if code == _MISSING_DATABASE:
        remedy = "Create it, or name another in the DSN"
        return DatabaseMissingError(_reason(error), address=address, remedy=remedy)
    if code:
        return ConnectError(f"{_reason(error)} [SQLSTATE {code}]", address=address, remedy="Mend what the server says")
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError | ValueError):
        # The driver's own words would repeat parts of the DSN.
        fact = "the driver cannot use this DSN"
        return ConfigurationError(fact, place=address, remedy="Percent-encode special characters in role and password")
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return str(error.args[0]).rstrip(".") if error.args else type(error).__name__
    if isinstance(error, TimeoutError) and not error.args:
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
