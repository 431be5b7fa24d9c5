"""Errors of a statement that ran, or was running, on a connection."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class DatabaseError(PoolhouseError):
    """A statement failed.

    `sqlstate` is PostgreSQL's code, None where the failure never reached the server; `retryable` says
    whether the same transaction may succeed when run again. `schema`, `table`, `column` and `constraint`
    are set where the server named them. The server's DETAIL and quoted values are left out, since they
    repeat parameters.
    """

    retryable = False

    def __init__(
        self,
        fact: str,
        *,
        service: str | None = None,
        sqlstate: str | None = None,
        schema: str | None = None,
        table: str | None = None,
        column: str | None = None,
        constraint: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.service = service
        self.sqlstate = sqlstate
        self.schema = schema
        self.table = table
        self.column = column
        self.constraint = constraint
        code = f" [SQLSTATE {sqlstate}]" if sqlstate else ""
        super().__init__(f"{fact}{code}", place=f"service {service!r}" if service else None, remedy=remedy)


class IntegrityConstraintViolationError(DatabaseError):
    """A constraint of the schema refused the row; `constraint` names it (SQLSTATE class 23)."""


class UniqueViolationError(IntegrityConstraintViolationError):
    """Another row has the same key (23505)."""


class ForeignKeyViolationError(IntegrityConstraintViolationError):
    """A referenced row is missing, or a referencing row exists (23503)."""


class NotNullViolationError(IntegrityConstraintViolationError):
    """A column that needs a value got none (23502)."""


class CheckViolationError(IntegrityConstraintViolationError):
    """A check constraint refused the row (23514)."""


class DataError(DatabaseError):
    """A value does not fit its type, or an argument does not fit its placeholder (class 22)."""


class InsufficientPrivilegeError(DatabaseError):
    """The role may not do this (42501)."""


class ReadOnlyError(DatabaseError):
    """A write was tried in a read-only transaction or on a standby (25006)."""


class TransactionRollbackError(DatabaseError):
    """The server rolled the transaction back in favour of another; run it again (class 40: 40001, 40P01)."""

    retryable = True


class InFailedSqlTransactionError(DatabaseError):
    """The transaction had failed already, so this statement or the commit could not be done (25P02)."""


class LockNotAvailableError(DatabaseError):
    """A lock was not to be had within `lock_timeout`, or with NOWAIT (55P03)."""

    retryable = True


class QueryTimeoutError(DatabaseError):
    """The time limit of the call passed, or `statement_timeout` did (57014); the statement was cancelled."""


class ConnectionLostError(DatabaseError):
    """The connection broke while the statement was under way (class 08, 57P01 to 57P03, 25P03).

    Whether a statement outside a transaction took effect is unknown; a transaction has not been
    committed unless the COMMIT itself was under way.
    """

    retryable = True


class UsageError(DatabaseError):
    """The driver refused the call before the server saw it, for example a cursor outside a transaction."""
