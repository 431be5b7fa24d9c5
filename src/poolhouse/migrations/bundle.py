"""The messages that apply what is pending for a schema: composed here, sent elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.lexer import split_statements
from poolhouse._core.literal import dollar_quoted, literal
from poolhouse.migrations.ledger import advance, are_stale, has_schema, is_stale, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse._core.plan import Plan
    from poolhouse._core.template import Rendering

# SQLSTATEs of a class that PostgreSQL does not use.
BUSY = "PH001"
STALE = "PH002"
TRANSACTION_ENDED = "PH003"
POOLED = "PH004"
INVALID_INDEX = "PH005"

# A role that a file leaves behind may not write into the ledger.
_AFTER_FILE = "RESET ROLE;\n"

RECORDING = -1  # in place of a statement's number: the file has run, and goes into the ledger


class Step(NamedTuple):
    """A place in a bundle: which of its files, and which statement of it (or RECORDING)."""

    file: int
    statement: int


class Stretch(NamedTuple):
    """One statement of a file: where it begins in the bundle, and where in the rendered file."""

    step: Step
    start: int
    end: int
    rendered: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """SQL that applies `files` to one schema, and the way from its characters back to the files.

    Sent as one message, it is one implicit transaction, in which the server says in a notice before each statement
    which step comes next. What `script` makes is sent by statements.
    """

    sql: str = field(repr=False)
    token: str
    files: tuple[MigrationFile, ...]
    renderings: tuple[Rendering, ...] = field(repr=False)
    stretches: tuple[Stretch, ...] = field(repr=False)

    def step_of(self, notice: str) -> Step | None:
        """Return the step that a notice announces, or None when it is not one of this bundle's own."""
        head, _, tail = notice.partition(f"{_announcement(self.token)}:")
        if head or not tail:
            return None
        file, _, statement = tail.partition(":")
        return Step(int(file), int(statement))

    def step_at(self, position: int) -> Step | None:
        """Return the step whose statement holds the character at `position`, None outside of the files' own SQL."""
        # The parser complains of what is missing at the semicolon, just behind the statement.
        return next((each.step for each in self.stretches if each.start <= position <= each.end), None)

    def origin(self, step: Step, position: int | None = None) -> int | None:
        """Return the offset in the step's file of the character at `position` of the bundle, or of the statement."""
        for stretch in self.stretches:
            if stretch.step == step:
                inside = 0 if position is None else min(max(position, stretch.start), stretch.end) - stretch.start
                return self.renderings[step.file].origin(stretch.rendered + inside)
        return None

    def statement(self, step: Step) -> str | None:
        """Return the SQL of a step as the server got it, or None for a step that is no statement of a file."""
        return next((self.sql[each.start : each.end] for each in self.stretches if each.step == step), None)


def lock_key(module: str, schema: str) -> int:
    """Return the key of the advisory lock that guards one module in one schema.

    It is computed here and not by the server so that a key costs no query and tenants do not share one.
    """
    digest = blake2b(f"poolhouse:{module}/{schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def compose(
    loaded: LoadedMigrations,
    plan: Plan,
    files: Sequence[MigrationFile],
    *,
    token: str,
    lock_timeout: float,
    has_ledger: bool = True,
) -> Bundle:
    """Return the bundle that applies `files`, the first that `plan` has pending, provided the head is still the plan's.

    `token` is any string of hexadecimal digits that no migration can know; `lock_timeout` is in seconds, for files
    that say nothing else. Without `has_ledger`, the files are those that create the ledger's own tables.
    """
    renderings = tuple(file.rendering(loaded.schema, loaded.reads) for file in files)
    text = _Text()
    text.add(_settings(lock_timeout), block(_guard(loaded, plan, token, has_ledger=has_ledger)))
    stretches: list[Stretch] = []
    for index, (file, rendering) in enumerate(zip(files, renderings, strict=True)):
        text.add(block(_beginning(loaded, file, lock_timeout)))
        for number, statement in enumerate(split_statements(rendering.sql, source=file.file)):
            step = Step(index, number)
            text.add(block(_announce(token, step)))
            stretches.append(Stretch(step, text.length, text.length + len(statement.text), statement.start))
            text.add(statement.text, ";\n")
        text.add(_AFTER_FILE)
        # The record stands outside of the block, whose language would spend three times as long on it.
        text.add(block(_announce(token, Step(index, RECORDING)), _assert_marker(token)), record(loaded, file))
    text.add(advance(loaded, plan, files))
    return Bundle(text.whole(), token, tuple(files), renderings, tuple(stretches))


def compose_many(
    loaded: LoadedMigrations,
    plan: Plan,
    files: Sequence[MigrationFile],
    schemas: Sequence[str],
    *,
    token: str,
    lock_timeout: float,
) -> str:
    """Return the SQL that applies `files` to all of `schemas` or to none, provided all have the head of the plan.

    Where it fails nobody knows: for that each schema has to be tried by itself. At its end it says in a notice how
    many locks it holds.
    """
    text = [_settings(lock_timeout), block(_guard_many(loaded, plan, schemas, token))]
    for schema in schemas:
        one = replace(loaded, schema=schema)
        for file in files:
            text += (
                _settings_of(one, file, lock_timeout),
                file.rendering(schema, loaded.reads).sql,
                "\n;",
                _AFTER_FILE,
            )
    text.append(block(_assert_marker(token), _announce_locks(token)))
    text += (record(loaded, file, schemas) for file in files)
    text.append(advance(loaded, plan, files, schemas))
    return "".join(text)


def script(loaded: LoadedMigrations, file: MigrationFile) -> Bundle:
    """Return `file` as it is sent outside of transactions: statement by statement, at their places in its rendering."""
    rendering = file.rendering(loaded.schema, loaded.reads)
    statements = enumerate(split_statements(rendering.sql, source=file.file))
    stretches = tuple(Stretch(Step(0, number), each.start, each.end, each.start) for number, each in statements)
    return Bundle(rendering.sql, "", (file,), (rendering,), stretches)


class _Text:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0

    def add(self, *parts: str) -> None:
        for part in parts:
            self._parts.append(part)
            self.length += len(part)

    def whole(self) -> str:
        return "".join(self._parts)


def block(*statements: str) -> str:
    """Return a DO block of the given statements of PL/pgSQL."""
    return f"DO {dollar_quoted(' '.join(('BEGIN', *statements, 'END')))};\n"


def _settings(lock_timeout: float) -> str:
    # The guard must see what others committed while it waited, whatever the role's default isolation is.
    return (
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
        f"SET LOCAL lock_timeout = {milliseconds(lock_timeout)}; "
        "SET LOCAL statement_timeout = 0; SET LOCAL client_min_messages = notice;\n"
    )


def guard(loaded: LoadedMigrations, is_stale: str) -> str:
    """Return the statements of PL/pgSQL that take the lock for this transaction, and refuse what is stale."""
    return "\n".join(
        (
            f"IF NOT pg_catalog.pg_try_advisory_xact_lock({lock_key(loaded.module, loaded.schema)})",
            f"THEN RAISE EXCEPTION 'another process is migrating' USING ERRCODE = '{BUSY}'; END IF;",
            f"IF {is_stale}",
            f"THEN RAISE EXCEPTION 'another process has migrated' USING ERRCODE = '{STALE}'; END IF;",
        )
    )


def _guard(loaded: LoadedMigrations, plan: Plan, token: str, *, has_ledger: bool) -> str:
    return "\n".join(
        (
            guard(loaded, is_stale(loaded, plan.head, has_ledger=has_ledger)),
            f"PERFORM pg_catalog.set_config('poolhouse.bundle', '{token}', true);",
            *optional_settings("500ms", is_local=True),
            *([] if plan.head else [create_schema(loaded.schema)]),
        )
    )


def optional_settings(check_interval: str, *, is_local: bool) -> Iterator[str]:
    """Yield statements of PL/pgSQL that make settings which not every server has."""
    # The first, so that the server notices a client that was killed and lets the lock go, is not to be had on
    # every platform; the second exists from PostgreSQL 17.
    for name, value in (("client_connection_check_interval", check_interval), ("transaction_timeout", "0")):
        setting = f"PERFORM pg_catalog.set_config('{name}', '{value}', {is_local});"
        yield f"BEGIN {setting} EXCEPTION WHEN OTHERS THEN NULL; END;"


def create_schema(schema: str) -> str:
    """Return the statement of PL/pgSQL that creates a schema which is missing."""
    # IF NOT EXISTS would need the right to create schemas even where this one is there.
    return f"IF NOT {has_schema(schema)} THEN CREATE SCHEMA {quote_identifier(schema)}; END IF;"


def _beginning(loaded: LoadedMigrations, file: MigrationFile, lock_timeout: float) -> str:
    # Again for each file: the one before may have set its own.
    said = file.directives
    limits = {
        "lock_timeout": said.lock_timeout if said.lock_timeout is not None else lock_timeout,
        "statement_timeout": said.statement_timeout or 0.0,
    }
    settings = {"search_path": search_path(loaded.schema), **{name: milliseconds(limits[name]) for name in limits}}
    now = "EXTRACT(epoch FROM pg_catalog.clock_timestamp())::text"
    calls = [f"pg_catalog.set_config('{name}', {literal(value)}, true)" for name, value in settings.items()]
    return f"PERFORM {', '.join(calls)}, pg_catalog.set_config('poolhouse.started', {now}, true);"


def search_path(schema: str) -> str:
    """Return the search_path with which a migration of `schema` runs."""
    return f"{quote_identifier(schema)}, public"


def milliseconds(seconds: float) -> str:
    """Return a time limit as the server takes it; 0 is none, so that a very short one is not rounded to it."""
    return str(max(round(seconds * 1000), 1) if seconds else 0)


def _guard_many(loaded: LoadedMigrations, plan: Plan, schemas: Sequence[str], token: str) -> str:
    keys = ", ".join(f"({lock_key(loaded.module, schema)})" for schema in schemas)
    missing = (*([] if plan.head else [create_schema(schema) for schema in schemas]),)
    now = "EXTRACT(epoch FROM pg_catalog.clock_timestamp())::text"
    return "\n".join(
        (
            "IF NOT (SELECT pg_catalog.bool_and(pg_catalog.pg_try_advisory_xact_lock(key))",
            f"FROM (VALUES {keys}) AS wanted (key))",
            f"THEN RAISE EXCEPTION 'another process is migrating' USING ERRCODE = '{BUSY}'; END IF;",
            f"IF {are_stale(loaded, plan.head, schemas)}",
            f"THEN RAISE EXCEPTION 'another process has migrated' USING ERRCODE = '{STALE}'; END IF;",
            f"PERFORM pg_catalog.set_config('poolhouse.bundle', '{token}', true);",
            f"PERFORM pg_catalog.set_config('poolhouse.started', {now}, true);",
            *optional_settings("500ms", is_local=True),
            *missing,
        )
    )


def _settings_of(loaded: LoadedMigrations, file: MigrationFile, lock_timeout: float) -> str:
    said = file.directives
    limit = lock_timeout if said.lock_timeout is None else said.lock_timeout
    return (
        f"SET LOCAL search_path = {search_path(loaded.schema)}; SET LOCAL lock_timeout = {milliseconds(limit)}; "
        f"SET LOCAL statement_timeout = {milliseconds(said.statement_timeout or 0.0)};\n"
    )


def _announce_locks(token: str) -> str:
    mine = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid()"
    most = "pg_catalog.current_setting('max_locks_per_transaction')::int"
    sessions = "pg_catalog.current_setting('max_connections')::int"
    return f"RAISE NOTICE '{locks_announcement(token)}%:%', ({mine}), {most} * {sessions};"


def locks_announcement(token: str) -> str:
    """Return how the notice begins with which `compose_many` says the locks it holds, and how many fit in all."""
    return f"{_announcement(token)}:locks:"


def _announcement(token: str) -> str:
    return f"poolhouse:{token}"


def _announce(token: str, step: Step) -> str:
    return f"RAISE NOTICE '{_announcement(token)}:{step.file}:{step.statement}';"


def _assert_marker(token: str) -> str:
    return (
        f"IF pg_catalog.current_setting('poolhouse.bundle', true) IS DISTINCT FROM '{token}' "
        f"THEN RAISE EXCEPTION 'the migration ended its transaction' USING ERRCODE = '{TRANSACTION_ENDED}'; END IF;"
    )
