"""From the driver's errors to ours: what happened, whether to try again, and nothing that holds a parameter."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

import asyncpg

from poolhouse import errors
from poolhouse._core.denial import explain_denial
from poolhouse._core.identifiers import parse_qualified
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
    from collections.abc import Collection, Mapping

# All that the driver raises for a statement or a connection; TimeoutError is an OSError.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
# What an attempt to connect raises besides: for a DSN that cannot be read, and for a port that is none.
CONNECT_ERRORS = (*DRIVER_ERRORS, ValueError, OverflowError)

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

# What to do where the server itself gives no hint; by its code, or the class of that.
_REMEDIES = {
    "22": "Compare the arguments with the types of their placeholders",
    "23502": "Give the column a value",
    "23503": "See that the row that is referred to is there, and that none refers to a row that is deleted",
    "23505": "Write another key, or say with ON CONFLICT what is to happen",
    "23514": "Write what the constraint allows, and check values before they come here",
    "23": "Write a row that the constraint allows",
    "25006": "Write on the primary, in a transaction that is not readonly",
    "25P02": "Let the first error leave the block, or put what may fail into a transaction() of its own",
    "40": "Run the whole transaction again, as `db.transaction(retries=3)` does",
    "42P01": "See that its migration was applied, and name it as {{tables.name}}",
    "55P03": "Try again later, or wait for the lock longer",
    "57014": "Make it quicker, or raise the limit that has passed",
}

_OWN_SERVICE = "poolhouse"  # works as the login role

_AUTHENTICATION = ("28000", "28P01")
_MISSING_DATABASE = "3D000"
_FULL = "53"
# The server is starting or stopping (57P), full for the moment (53), or the connection broke under way (08).
_PASSING_CLASSES = ("08", _FULL, "57")

# The values are in DETAIL (23, 40), or it is the author of a function who speaks (P0).
_SPEAK_OF_NAMES_ONLY = ("23", "40", "P0")
_SPEAK_OF_VALUES = ("22", "54")
_QUOTED = re.compile(r"""["'].*""", re.DOTALL)
_NAME = re.compile(r'"([^"]*)"')
_REST = re.compile(r"""[^"']*\Z""")
_EXPECTED = re.compile(
    r"\((expected [\w., ]+|value out of [\w ]+ range|'\w+' object cannot be interpreted as an integer)\)$"
)
# The last two are what the driver says between the server's last word, such as 57P01, and the end of the connection:
# its states are numbers, of which 2 is that of an error after which the server says nothing more.
_GONE = re.compile(
    r"connection is closed|closed in the middle|connection was closed|released back to the pool"
    r"|not connected|another operation \(2\) is in progress|protocol is in the .failed. state"
)


def translate(
    error: BaseException,
    *,
    service: str | None = None,
    sql: str | None = None,
    schema: str | None = None,
    reads: Collection[str] | None = None,
) -> PoolhouseError | None:
    """Return our error for one that came out of the driver or the socket, or None when it is neither.

    `sql` is the statement, where it has parameters: the server's message can repeat what is in the
    statement, and nothing else that it quotes. Whatever it has, it tells which table a service was denied; `schema`
    is the service's own (its name's by default), and `reads` are those that it declares (None: not known).
    Raise the result `from None`: the driver's text can hold parameters.
    """
    if isinstance(error, asyncpg.PostgresError):
        failure = _from_server(error, service, sql)
        if isinstance(failure, errors.InsufficientPrivilegeError) and service not in {None, _OWN_SERVICE} and sql:
            return _denied(failure, str(service), sql, schema=schema or str(service), reads=reads)
        return failure
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


def _from_server(error: asyncpg.PostgresError, service: str | None, sql: str | None) -> DatabaseError:
    if isinstance(error, asyncpg.ConnectionDoesNotExistError):
        # A server that ends a connection in the middle of a statement says why.
        return _lost(service, sqlstate=getattr(error.__cause__, "sqlstate", None))
    code = error.sqlstate or ""
    kind = _BY_CODE.get(code) or _BY_CLASS.get(code[:2], DatabaseError)
    return kind(
        _without_values(error, code, sql),
        service=service,
        sqlstate=code or None,
        schema=_field(error, "schema_name"),
        table=_field(error, "table_name"),
        column=_field(error, "column_name"),
        constraint=_field(error, "constraint_name"),
        remedy=_field(error, "hint") or _REMEDIES.get(code) or _REMEDIES.get(code[:2]),
    )


def _denied(
    failure: errors.InsufficientPrivilegeError, service: str, sql: str, *, schema: str, reads: Collection[str] | None
) -> errors.InsufficientPrivilegeError:
    said = failure.fact.removesuffix(f" [SQLSTATE {failure.sqlstate}]")
    if "row-level security" in said:
        # A policy of a table has refused the row: no right is missing.
        return failure
    declared = None if reads is None else set(map(parse_qualified, reads))
    denial = explain_denial(service=service, schema=schema, reads=declared, sql=sql, said=said)
    return errors.InsufficientPrivilegeError(
        denial.fact,
        service=service,
        sqlstate=failure.sqlstate,
        schema=denial.schema,
        table=denial.table,
        remedy=denial.remedy,
    )


def _field(error: asyncpg.PostgresError, name: str) -> str | None:
    return getattr(error, name, None)


def _without_values(error: asyncpg.PostgresError, code: str, sql: str | None) -> str:
    message = str(error.args[0]) if error.args else ""
    text = message.partition("\n")[0].rstrip(".")
    speaks_of_values = code.startswith(_SPEAK_OF_VALUES)
    # What has a position is about the statement's own text.
    is_of_names = code.startswith(_SPEAK_OF_NAMES_ONLY) or _field(error, "position") is not None or sql is None
    if not speaks_of_values and is_of_names:
        return text
    expected = _EXPECTED.search(text)
    fact = _without_quoted(text.partition(": ")[0], sql or "")
    if not fact.replace("…", "").isascii():
        # A server that speaks another language quotes in other ways.
        fact = _words(type(error).__name__)
    return f"{fact} ({expected.group(1)})" if expected else fact


def _without_quoted(text: str, sql: str) -> str:
    plain = sql.replace('"', "")
    rest = _NAME.sub("", text)
    if "'" not in rest and '"' not in rest and all(_is_word(name, plain) for name in _NAME.findall(text)):
        return text
    # A value may hold quotes itself, so everything from the first to the last one goes.
    tail = _REST.search(text)
    return _QUOTED.sub("…", text) + (tail.group() if tail and text.count('"') + text.count("'") > 1 else "")


def _is_word(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Error")).lower()


def _from_driver(error: Exception, service: str | None) -> DatabaseError:
    text = str(error).partition("\n")[0].rstrip(".")
    if _GONE.search(text):
        return _lost(service)
    return UsageError(_without_quoted(text, ""), service=service)


def _lost(service: str | None, *, sqlstate: str | None = None) -> ConnectionLostError:
    remedy = "Run the transaction again; the pool replaces the connection by itself"
    return ConnectionLostError(
        "the connection to the server was lost", service=service, sqlstate=sqlstate, remedy=remedy
    )


def may_pass(error: BaseException) -> bool:
    """Whether waiting can mend a failed attempt to connect: a server that is not up yet, or full for the moment."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_PASSING_CLASSES)
    return isinstance(error, OSError) and not _is_about_tls(error)


def _is_about_tls(error: OSError) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError) or "rejected SSL upgrade" in str(error)


def connect_error(error: BaseException, *, address: str, waited: float | None = None) -> PoolhouseError:
    """Return our error for a failed attempt to connect to `address`.

    `waited` is for how many seconds attempts were made.
    """
    if isinstance(error, asyncpg.PostgresError):
        return _refused(error, address=address, waited=waited)
    if isinstance(error, OSError) and _is_about_tls(error):
        remedy = "Mend sslmode and the certificates that the DSN names, or the server's"
        return ConnectError(f"no encrypted connection: {_reason(error)}", address=address, remedy=remedy)
    if isinstance(error, OSError):
        remedy = "See that the server runs and that host and port are right, or raise startup_timeout"
        return _unavailable(error, "no PostgreSQL answers", address=address, waited=waited, remedy=remedy)
    # The driver's own words would repeat parts of the DSN.
    fact = "the driver cannot use this DSN"
    remedy = "Percent-encode special characters in role and password, and see that host, port and parameters are legal"
    return ConfigurationError(fact, place=address, remedy=remedy)


def _refused(error: asyncpg.PostgresError, *, address: str, waited: float | None) -> PoolhouseError:
    code = error.sqlstate or ""
    if code.startswith(_PASSING_CLASSES):
        remedy = "See that the server is up, or raise startup_timeout"
        if code.startswith(_FULL):
            remedy = "Lower max_size of the pools that share the server, or raise its max_connections"
        return _unavailable(error, "the server takes no connection", address=address, waited=waited, remedy=remedy)
    if code in _AUTHENTICATION:
        remedy = "Check the role and the password in the DSN, and the server's pg_hba.conf"
        return AuthenticationError(f"the server refused the role: {_reason(error)}", address=address, remedy=remedy)
    if code == _MISSING_DATABASE:
        remedy = "Create it, or name another in the DSN"
        return DatabaseMissingError(_reason(error), address=address, remedy=remedy)
    # `invalid value for parameter "…": "…"`: a parameter of the DSN, whose value nobody needs to see.
    fact = _reason(error).partition(": ")[0]
    return ConnectError(f"{fact} [SQLSTATE {code}]", address=address, remedy="Mend what the server says")


def _unavailable(
    error: BaseException, fact: str, *, address: str, waited: float | None, remedy: str
) -> ServerUnavailableError:
    after = f" after {waited:.1f} s of attempts" if waited is not None else ""
    return ServerUnavailableError(f"{fact}{after} ({_reason(error)})", address=address, remedy=remedy)


def no_answer(address: str) -> ServerUnavailableError:
    """Return the error for a server that said nothing in the time there was."""
    remedy = "See that the server runs and that host and port are right"
    return ServerUnavailableError("no answer in time", address=address, remedy=remedy)


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return str(error.args[0]).partition("\n")[0].rstrip(".") if error.args else type(error).__name__
    if isinstance(error, TimeoutError) and not error.args:
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
