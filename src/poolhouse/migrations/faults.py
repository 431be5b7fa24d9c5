"""From the server's refusal of an attempt to what a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.lexer import TokenKind, line_column, tokenize
from poolhouse.errors import (
    MigrationApplyError,
    MigrationLockError,
    MigrationPrivilegeError,
    MigrationReadOnlyError,
    TransactionControlError,
)
from poolhouse.migrations.blockers import holders_of
from poolhouse.migrations.bundle import BUSY, RECORDING, STALE, TRANSACTION_ENDED, lock_key
from poolhouse.migrations.dirty import stopped
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Session
    from poolhouse.migrations.attempt import Attempt, Refusal
    from poolhouse.migrations.bundle import Step

_NO_PRIVILEGE = "42501"
_READ_ONLY = "25006"
_INTEGRITY = "23"

LOCK_FACTS = {
    BUSY: "another process is still migrating this schema",
    STALE: "other processes kept migrating this schema",
    "55P03": "a lock that a migration needs was not to be had",
    "40P01": "the migration deadlocked with other sessions again and again",
    "40001": "the migration conflicted with other transactions again and again",
}

# Two processes that create the same thing at once: IF NOT EXISTS is no protection, since it looks before it locks.
_CREATED_MEANWHILE = frozenset({"23505", "42P06", "42P07", "42710"})

# What a transaction of fewer files is spared: values and triggers of files before, locks and memory for all of them.
SMALLER_HELPS = frozenset({"53200", "53400", "54000", "54001", "55006", "55P04"})

_DEPENDS = (
    "If another module creates it, say so at the top: `-- poolhouse: depends: <module>/<version>`; else mend the file"
)
_OUTSIDE = "Write `-- poolhouse: no-transaction` at the top of the file, and nothing else into it"

_REMEDIES = {
    "25001": _OUTSIDE,
    "25P01": "Migrations run in an implicit transaction, which has no savepoints; write it without",
    "2D000": f"Remove COMMIT and ROLLBACK from what the migration calls. Or: {_OUTSIDE}",
    "3F000": _DEPENDS,
    "42P01": _DEPENDS,
    "55P04": "Use the new value in another file than the one that adds it",
}

_LONGEST_STATEMENT = 200


def may_retry(attempt: Attempt, refusal: Refusal) -> bool:
    """Whether the same schema may be planned and tried again."""
    code = refusal.sqlstate
    if refusal.half_done and not refusal.goes_on:
        return False
    if code in {BUSY, STALE}:
        return refusal.step is None
    if code in _CREATED_MEANWHILE:
        return attempt.creates_ledger or refusal.step is None
    return code in LOCK_FACTS


def is_of_any_file(refusal: Refusal) -> bool:
    """Whether each of the files may be to blame: what they deferred is checked at the end of all of them."""
    is_deferred = refusal.sqlstate.startswith(_INTEGRITY)
    return is_deferred and refusal.step is not None and refusal.step.statement == RECORDING


async def failure(
    attempt: Attempt, refusal: Refusal, connection: Session, *, applied: tuple[str, ...]
) -> MigrationError:
    """Return our error for an attempt that failed for good; asks `connection` who it is where rights are missing.

    `applied` names what the same call applied besides.
    """
    loaded, step = attempt.loaded, refusal.step
    if refusal.half_done:
        return stopped(attempt, refusal, statement=_statement(attempt, refusal), place=_line_column(attempt, refusal))
    if refusal.sqlstate == _READ_ONLY:
        pending = [file.filename for file in attempt.plan.pending]
        return MigrationReadOnlyError(module=loaded.module, schema=loaded.schema, pending=pending)
    if refusal.sqlstate == _NO_PRIVILEGE:
        role, database = await who(connection)
        grant = _grant(loaded.schema, step, role=role, database=database)
        return MigrationPrivilegeError(_fact(refusal), place=_place(attempt, refusal), role=role, grant=grant)
    if refusal.sqlstate == TRANSACTION_ENDED and step is not None:
        fact = "it ended its transaction; what ran before that is committed, and not in the ledger"
        remedy = "Remove what ends the transaction, undo by hand what is committed, and start again"
        return TransactionControlError(attempt.bundle.files[step.file].file, fact, remedy=remedy)
    return _apply_error(attempt, refusal, applied)


async def lock_error(
    connection: Session, loaded: LoadedMigrations, sqlstate: str, *, waited: float, blockers: tuple[str, ...] = ()
) -> MigrationLockError:
    """Return the error for locks that were not to be had; asks `connection` who holds the one of the migrations."""
    module, schema = loaded.module, loaded.schema
    held_by = await holders_of(connection, lock_key(module, schema)) if sqlstate == BUSY else blockers
    fact = LOCK_FACTS[sqlstate]
    return MigrationLockError(fact, module=module, schema=schema, waited=waited, sqlstate=sqlstate, blockers=held_by)


async def who(connection: Session) -> tuple[str, str]:
    """Return role and database of a connection."""
    row = await connection.fetchrow("SELECT current_user::text AS role, current_database()::text AS database")
    return (row["role"], row["database"]) if row else ("", "")


def reading_denied(error: asyncpg.PostgresError, *, role: str) -> MigrationPrivilegeError:
    """Return the error for a role that may not read the head or the ledger."""
    to = quote_identifier(role)
    grant = f"GRANT USAGE ON SCHEMA poolhouse TO {to}; GRANT SELECT ON poolhouse.head, poolhouse.ledger TO {to};"
    return MigrationPrivilegeError(_said(error), place="the ledger", role=role, grant=grant)


def _apply_error(attempt: Attempt, refusal: Refusal, applied: tuple[str, ...]) -> MigrationApplyError:
    bundle, head, step = attempt.bundle, attempt.plan.head, refusal.step
    line, column = _line_column(attempt, refusal) or (None, None)
    hint = getattr(refusal.error, "hint", None)
    return MigrationApplyError(
        attempt.loaded.directory if step is None else bundle.files[step.file].file,
        _fact(refusal),
        schema=attempt.loaded.schema,
        sqlstate=refusal.sqlstate,
        line=line,
        column=column,
        statement=_statement(attempt, refusal),
        rolled_back=[file.filename for file in bundle.files],
        version=head.version if head and head.digest else None,
        applied=applied,
        remedy=_REMEDIES.get(refusal.sqlstate, hint),
    )


def _fact(refusal: Refusal) -> str:
    return refusal.fact or (_said(refusal.error) if refusal.error else LOCK_FACTS[refusal.sqlstate])


def _said(error: asyncpg.PostgresError) -> str:
    translated = translate(error)
    return translated.fact if translated else type(error).__name__


def _statement(attempt: Attempt, refusal: Refusal) -> str | None:
    statement = None if refusal.step is None else attempt.bundle.statement(refusal.step)
    return None if statement is None else without_literals(statement)


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


def without_literals(statement: str) -> str:
    """Return a statement as a message may show it: on one line, shortened, and without what could be secret."""
    words = " ".join("".join(_shown(statement)).split())
    return words if len(words) <= _LONGEST_STATEMENT else f"{words[:_LONGEST_STATEMENT]}…"


def _shown(statement: str) -> Iterator[str]:
    # A literal may be a password, as in CREATE ROLE, and a body may hold one.
    masks = {TokenKind.LITERAL: "'…'", TokenKind.BODY: "$$…$$", TokenKind.COMMENT: " "}
    for kind, start, end in tokenize(statement):
        yield masks.get(kind) or statement[start:end]
