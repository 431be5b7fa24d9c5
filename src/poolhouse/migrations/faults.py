"""From the server's refusal of a bundle to what a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.lexer import TokenKind, line_column, tokenize
from poolhouse.errors import (
    MigrationApplyError,
    MigrationPrivilegeError,
    MigrationReadOnlyError,
    TransactionControlError,
)
from poolhouse.migrations.bundle import BUSY, RECORDING, STALE, TRANSACTION_ENDED
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from poolhouse.errors import MigrationError
    from poolhouse.migrations.attempt import Attempt, Refusal
    from poolhouse.migrations.bundle import Step

_NO_PRIVILEGE = "42501"
_READ_ONLY = "25006"

LOCK_FACTS = {
    BUSY: "another process is still migrating this schema",
    STALE: "other processes kept migrating this schema",
    "55P03": "a lock that a migration needs was not to be had",
    "40P01": "the migration deadlocked with other sessions again and again",
    "40001": "the migration conflicted with other transactions again and again",
}

# Two processes that create the same thing at once: IF NOT EXISTS is no protection, since it looks before it locks.
_CREATED_MEANWHILE = frozenset({"23505", "42P06", "42P07", "42710"})

_REMEDIES = {
    "25001": "Migrations run in transactions only, in this version of poolhouse; write it without CONCURRENTLY",
    "25P01": "Migrations run in an implicit transaction, which has no savepoints; write it without",
    "2D000": "Remove COMMIT and ROLLBACK from what the migration calls; poolhouse commits",
    "55P04": "Use the new value in a migration that is deployed after the one that adds it",
}

_LONGEST_STATEMENT = 200


def may_retry(attempt: Attempt, refusal: Refusal) -> bool:
    """Whether the same schema may be planned and tried again."""
    code = refusal.sqlstate
    if code in {BUSY, STALE}:
        return refusal.step is None
    if code in _CREATED_MEANWHILE:
        return attempt.creates_ledger or refusal.step is None
    return code in LOCK_FACTS


async def failure(
    attempt: Attempt, refusal: Refusal, connection: PoolConnectionProxy[Any], *, applied: tuple[str, ...]
) -> MigrationError:
    """Return our error for an attempt that failed for good; asks `connection` who it is where rights are missing.

    `applied` names what the same call applied before, to other schemas.
    """
    loaded, step = attempt.loaded, refusal.step
    if refusal.sqlstate == _READ_ONLY:
        pending = [file.filename for file in attempt.plan.pending]
        return MigrationReadOnlyError(module=loaded.module, schema=loaded.schema, pending=pending)
    if refusal.sqlstate == _NO_PRIVILEGE:
        role, database = await who(connection)
        grant = _grant(loaded.schema, step, role=role, database=database)
        return MigrationPrivilegeError(_fact(refusal.error), place=_place(attempt, refusal), role=role, grant=grant)
    if refusal.sqlstate == TRANSACTION_ENDED and step is not None:
        fact = "it ended its transaction; what ran before that is committed, and not in the ledger"
        remedy = "Remove what ends the transaction, undo by hand what is committed, and start again"
        return TransactionControlError(attempt.bundle.files[step.file].file, fact, remedy=remedy)
    return _apply_error(attempt, refusal, applied)


async def who(connection: PoolConnectionProxy[Any]) -> tuple[str, str]:
    """Return role and database of a connection."""
    row = await connection.fetchrow("SELECT current_user::text AS role, current_database()::text AS database")
    return (row["role"], row["database"]) if row else ("", "")


def reading_denied(error: asyncpg.PostgresError, *, role: str) -> MigrationPrivilegeError:
    """Return the error for a role that may not read the head or the ledger."""
    to = quote_identifier(role)
    grant = f"GRANT USAGE ON SCHEMA poolhouse TO {to}; GRANT SELECT ON poolhouse.head, poolhouse.ledger TO {to};"
    return MigrationPrivilegeError(_fact(error), place="the ledger", role=role, grant=grant)


def _apply_error(attempt: Attempt, refusal: Refusal, applied: tuple[str, ...]) -> MigrationApplyError:
    bundle, head, step = attempt.bundle, attempt.plan.head, refusal.step
    line, column = _line_column(attempt, refusal) or (None, None)
    statement = None if step is None else bundle.statement(step)
    return MigrationApplyError(
        attempt.loaded.directory if step is None else bundle.files[step.file].file,
        _fact(refusal.error),
        schema=attempt.loaded.schema,
        sqlstate=refusal.sqlstate,
        line=line,
        column=column,
        statement=None if statement is None else _without_literals(statement),
        rolled_back=[file.filename for file in bundle.files],
        version=head.version if head else None,
        applied=applied,
        remedy=_REMEDIES.get(refusal.sqlstate) or getattr(refusal.error, "hint", None),
    )


def _fact(error: asyncpg.PostgresError) -> str:
    translated = translate(error)
    return translated.fact if translated else type(error).__name__


def _line_column(attempt: Attempt, refusal: Refusal) -> tuple[int, int] | None:
    step = refusal.step
    offset = None if step is None else attempt.bundle.origin(step, refusal.position)
    return None if step is None or offset is None else line_column(attempt.bundle.files[step.file].text, offset)


def _place(attempt: Attempt, refusal: Refusal) -> str:
    where = _line_column(attempt, refusal)
    if refusal.step is None or where is None:
        return f"module {attempt.loaded.module!r}, schema {attempt.loaded.schema!r}"
    return "{}:{}:{}".format(attempt.bundle.files[refusal.step.file].file, *where)


def _grant(schema: str, step: Step | None, *, role: str, database: str) -> str:
    to = quote_identifier(role)
    if step is None:
        return f"GRANT CREATE ON DATABASE {quote_identifier(database)} TO {to};"
    if step.statement == RECORDING:
        return f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA poolhouse TO {to};"
    on = f"GRANT USAGE, CREATE ON SCHEMA {quote_identifier(schema)} TO {to};"
    return f"{on} -- and for what another role owns: GRANT <owner> TO {to};"


def _without_literals(statement: str) -> str:
    words = " ".join("".join(_shown(statement)).split())
    return words if len(words) <= _LONGEST_STATEMENT else f"{words[:_LONGEST_STATEMENT]}…"


def _shown(statement: str) -> Iterator[str]:
    # A literal may be a password, as in CREATE ROLE, and a body may hold one.
    masks = {TokenKind.LITERAL: "'…'", TokenKind.BODY: "$$…$$", TokenKind.COMMENT: " "}
    for kind, start, end in tokenize(statement):
        yield masks.get(kind) or statement[start:end]
