"""The one message that applies what is pending for a schema: composed here, sent elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.lexer import split_statements
from poolhouse._core.literal import dollar_quoted, literal
from poolhouse._core.plan import chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse._core.plan import Plan
    from poolhouse._core.template import Rendering

# SQLSTATEs of a class that PostgreSQL does not use.
BUSY = "PH001"
STALE = "PH002"
TRANSACTION_ENDED = "PH003"

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
    """A message that applies `files` to one schema in one implicit transaction, or none of them.

    While it runs, the server says in a notice before each statement which step comes next.
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
    loaded: LoadedMigrations, plan: Plan, *, token: str, lock_timeout: float, has_ledger: bool = True
) -> Bundle:
    """Return the bundle that applies what `plan` has pending, provided that the head is still the plan's.

    `token` is any string of hexadecimal digits that no migration can know; `lock_timeout` is in seconds.
    Without `has_ledger`, the pending files are those that create the ledger's own tables.
    """
    renderings = tuple(file.rendering(loaded.schema, loaded.reads) for file in plan.pending)
    text = _Text()
    text.add(_settings(lock_timeout), _block(_guard(loaded, plan, token, has_ledger=has_ledger)))
    stretches: list[Stretch] = []
    for index, (file, rendering) in enumerate(zip(plan.pending, renderings, strict=True)):
        text.add(_block(_beginning(loaded)))
        for number, statement in enumerate(split_statements(rendering.sql, source=file.file)):
            step = Step(index, number)
            text.add(_block(_announce(token, step)))
            stretches.append(Stretch(step, text.length, text.length + len(statement.text), statement.start))
            text.add(statement.text, ";\n")
        text.add(_block(_announce(token, Step(index, RECORDING)), _assert_marker(token)), _record(loaded, file))
    text.add(_advance_head(loaded, plan))
    return Bundle(text.whole(), token, plan.pending, renderings, tuple(stretches))


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


def _block(*statements: str) -> str:
    return f"DO {dollar_quoted(' '.join(('BEGIN', *statements, 'END')))};\n"


def _settings(lock_timeout: float) -> str:
    # The guard must see what others committed while it waited, whatever the role's default isolation is.
    return (
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
        f"SET LOCAL lock_timeout = {max(round(lock_timeout * 1000), 1)}; "
        "SET LOCAL statement_timeout = 0; SET LOCAL client_min_messages = notice;\n"
    )


def _guard(loaded: LoadedMigrations, plan: Plan, token: str, *, has_ledger: bool) -> str:
    return "\n".join(
        (
            f"IF NOT pg_catalog.pg_try_advisory_xact_lock({lock_key(loaded.module, loaded.schema)})",
            f"THEN RAISE EXCEPTION 'another process is migrating' USING ERRCODE = '{BUSY}'; END IF;",
            f"IF {_is_stale(loaded, plan, has_ledger=has_ledger)}",
            f"THEN RAISE EXCEPTION 'another process has migrated' USING ERRCODE = '{STALE}'; END IF;",
            f"PERFORM pg_catalog.set_config('poolhouse.bundle', '{token}', true);",
            *_optional_settings(),
            *([] if plan.head else [_create_schema(loaded.schema)]),
        )
    )


def _is_stale(loaded: LoadedMigrations, plan: Plan, *, has_ledger: bool) -> str:
    if not has_ledger:
        return "pg_catalog.to_regclass('poolhouse.head') IS NOT NULL"
    row = f"FROM poolhouse.head WHERE module = {literal(loaded.module)} AND schema_name = {literal(loaded.schema)}"
    if plan.head is None:
        return f"EXISTS (SELECT {row})"
    # Without its schema, unqualified names of a migration would go to public.
    digest = f"(SELECT digest {row} AND NOT dirty) IS DISTINCT FROM {literal(plan.head.digest)}"
    return f"{digest} OR NOT {_has_schema(loaded.schema)}"


def _optional_settings() -> Iterator[str]:
    # The first, so that the server notices a client that was killed and lets the lock go, is not to be had on
    # every platform; the second exists from PostgreSQL 17.
    for name, value in (("client_connection_check_interval", "500ms"), ("transaction_timeout", "0")):
        setting = f"PERFORM pg_catalog.set_config('{name}', '{value}', true);"
        yield f"BEGIN {setting} EXCEPTION WHEN OTHERS THEN NULL; END;"


def _has_schema(schema: str) -> str:
    return f"EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {literal(schema)})"


def _create_schema(schema: str) -> str:
    # IF NOT EXISTS would need the right to create schemas even where this one is there.
    return f"IF NOT {_has_schema(schema)} THEN CREATE SCHEMA {quote_identifier(schema)}; END IF;"


def _beginning(loaded: LoadedMigrations) -> str:
    # Again for each file: the one before may have set its own search_path.
    path = literal(f"{quote_identifier(loaded.schema)}, public")
    now = "EXTRACT(epoch FROM pg_catalog.clock_timestamp())::text"
    return (
        f"PERFORM pg_catalog.set_config('search_path', {path}, true), "
        f"pg_catalog.set_config('poolhouse.started', {now}, true);"
    )


def _announcement(token: str) -> str:
    return f"poolhouse:{token}"


def _announce(token: str, step: Step) -> str:
    return f"RAISE NOTICE '{_announcement(token)}:{step.file}:{step.statement}';"


def _assert_marker(token: str) -> str:
    return (
        f"IF pg_catalog.current_setting('poolhouse.bundle', true) IS DISTINCT FROM '{token}' "
        f"THEN RAISE EXCEPTION 'the migration ended its transaction' USING ERRCODE = '{TRANSACTION_ENDED}'; END IF;"
    )


def _record(loaded: LoadedMigrations, file: MigrationFile) -> str:
    # Outside of the block, whose language would spend three times as long on these two statements.
    key = _values((loaded.schema, loaded.module, file.version, file.name))
    started = "pg_catalog.to_timestamp(pg_catalog.current_setting('poolhouse.started')::float8)"
    return (
        "INSERT INTO poolhouse.ledger (schema_name, module, version, name, checksum, raw_checksum, state, "
        "steps_done, steps_total, started_at, finished_at) "
        f"VALUES ({key}, {_values((file.checksum, file.raw_checksum))}, 'applied', 1, 1, "
        f"{started}, pg_catalog.clock_timestamp());\n"
        f"INSERT INTO poolhouse.event (schema_name, module, version, name, kind) VALUES ({key}, 'apply');\n"
    )


def _advance_head(loaded: LoadedMigrations, plan: Plan) -> str:
    version = plan.pending[-1].version
    digest = chain(loaded.files)[loaded.files.index(plan.pending[-1])]
    values = _values((loaded.module, loaded.schema, version, digest))
    return (
        f"INSERT INTO poolhouse.head (module, schema_name, version, digest) VALUES ({values}) "
        "ON CONFLICT (module, schema_name) DO UPDATE SET version = excluded.version, digest = excluded.digest;\n"
    )


def _values(values: Iterable[str | int | bytes]) -> str:
    return ", ".join(str(value) if isinstance(value, int) else literal(value) for value in values)
