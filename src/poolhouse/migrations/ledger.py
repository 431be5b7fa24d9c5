"""What the database knows of its migrations: all the SQL that reads or writes head, ledger and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from poolhouse._core.literal import literal
from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.plan import Head, LedgerRow, is_settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse._core.plan import Plan
    from poolhouse.migrations.access import Session


class Standing(NamedTuple):
    """Where one module stands in one schema; `folder_digest` is for `is_settled`."""

    head: Head | None
    has_schema: bool
    folder_digest: bytes | None = None

    def is_settled(self, folder_digest: bytes | None) -> bool:
        """Whether nothing can be pending from files of the given digest."""
        if self.head is None or self.head.dirty or not self.has_schema or folder_digest is None:
            return False
        return self.folder_digest == folder_digest + self.head.digest


class Sought(NamedTuple):
    """A module in some schemas; with a digest, those that are settled by it need not be told."""

    module: str
    schemas: Sequence[str]
    folder_digest: bytes | None = None


class Named(Protocol):
    """Whatever is of one module and one schema."""

    @property
    def module(self) -> str:
        """The module."""
        ...

    @property
    def schema(self) -> str:
        """The schema."""
        ...


# Types that the driver knows by itself only, so that it asks the server nothing else.
_HEADS = """
SELECT wanted.sought, wanted.schema_name, head.version, head.digest, head.dirty,
    space.nspname IS NOT NULL AS has_schema, head.folder_digest
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (sought, schema_name, place)
LEFT JOIN poolhouse.head AS head
    ON head.module = ($3::text[])[wanted.sought::int] AND head.schema_name = wanted.schema_name
LEFT JOIN pg_catalog.pg_namespace AS space ON space.nspname = wanted.schema_name::name
WHERE head.module IS NULL OR head.dirty OR space.nspname IS NULL OR head.folder_digest IS DISTINCT FROM
    pg_catalog.decode(($4::text[])[wanted.sought::int], 'hex') || head.digest
ORDER BY wanted.place
"""

# A failure that left nothing half done, and what was withdrawn, are history.
_LEDGER = """
SELECT head.version AS head_version, head.digest, head.dirty, ledger.version, ledger.name, ledger.checksum,
    ledger.state, ledger.steps_done, ledger.steps_total, ledger.state NOT IN ('applied', 'baselined') AS is_open
FROM (SELECT $1::text AS module, $2::text AS schema_name) AS wanted
LEFT JOIN poolhouse.head AS head USING (module, schema_name)
LEFT JOIN poolhouse.ledger AS ledger ON ledger.module = wanted.module AND ledger.schema_name = wanted.schema_name
    AND (ledger.state IN ('applied', 'baselined')
        OR ledger.state IN ('running', 'failed') AND ledger.finished_at IS NULL)
ORDER BY ledger.version, ledger.name
"""

_NOW = "pg_catalog.clock_timestamp()"


async def read_standings(connection: Session, wanted: Sequence[Named]) -> tuple[Standing, ...]:
    """Return where each of `wanted` stands, in one statement that needs SELECT on poolhouse.head and nothing else."""
    found = await read_sought(connection, [Sought(each.module, [each.schema]) for each in wanted])
    return tuple(standings[each.schema] for each, standings in zip(wanted, found, strict=True))


async def read_sought(connection: Session, wanted: Sequence[Sought]) -> list[dict[str, Standing]]:
    """Return where each of `wanted` stands in its schemas, without those that are settled, as `read_standings` does."""
    places = [str(place) for place, each in enumerate(wanted, 1) for _ in each.schemas]
    schemas = [schema for each in wanted for schema in each.schemas]
    digests = [(each.folder_digest or b"").hex() for each in wanted]
    found: list[dict[str, Standing]] = [{} for _ in wanted]
    for row in await connection.fetch(_HEADS, places, schemas, [each.module for each in wanted], digests):
        place, schema, version, digest, dirty, has_schema, folder_digest = row
        head = None if version is None else Head(version, digest, dirty)
        found[int(place) - 1][schema] = Standing(head, has_schema, folder_digest)
    return found


async def read_ledger(connection: Session, wanted: LoadedMigrations) -> tuple[Head | None, tuple[LedgerRow, ...]]:
    """Return the head of `wanted`, and what was applied or is half done, all of the same moment."""
    rows = await connection.fetch(_LEDGER, wanted.module, wanted.schema)
    first = rows[0]
    head = None if first["head_version"] is None else Head(first["head_version"], first["digest"], first["dirty"])
    names = LedgerRow._fields
    return head, tuple(LedgerRow(*(row[name] for name in names)) for row in rows if row["name"] is not None)


def forget(module: str, schema: str) -> str:
    """Return the SQL that makes the database forget all migrations of a module in a schema."""
    where = f"WHERE module = {literal(module)} AND schema_name = {literal(schema)}"
    return f"DELETE FROM poolhouse.head {where}; DELETE FROM poolhouse.ledger {where};"


def is_stale(
    loaded: LoadedMigrations, head: Head | None, begun: LedgerRow | None = None, *, has_ledger: bool = True
) -> str:
    """Return the SQL condition that the head, or the row that was `begun`, is not any more what it was."""
    if not has_ledger:
        return "pg_catalog.to_regclass('poolhouse.head') IS NOT NULL"
    row = f"FROM poolhouse.head WHERE {_of(loaded)}"
    if head is None:
        return f"EXISTS (SELECT {row})"
    dirty = "dirty" if begun else "NOT dirty"
    digest = f"(SELECT digest {row} AND {dirty}) IS DISTINCT FROM {literal(head.digest)}"
    # Without its schema, unqualified names of a migration would go to public.
    gone = f"NOT {has_schema(loaded.schema)}"
    return f"{digest} OR {gone}{_has_moved_on(loaded, begun) if begun else ''}"


def are_stale(loaded: LoadedMigrations, head: Head | None, schemas: Sequence[str]) -> str:
    """Return the SQL condition that any of `schemas` has another head than `head`, or was dropped."""
    heads = f"SELECT pg_catalog.count(*) FROM poolhouse.head WHERE {_of(loaded, schemas)}"
    if head is None:
        return f"({heads}) > 0"
    there = f"SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace WHERE nspname IN ({_values(schemas)})"
    same = f"{heads} AND NOT dirty AND digest = {literal(head.digest)}"
    return f"({same}) <> {len(schemas)} OR ({there}) <> {len(schemas)}"


def has_schema(schema: str) -> str:
    """Return the SQL condition that `schema` exists."""
    return f"EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {literal(schema)})"


def record(loaded: LoadedMigrations, file: MigrationFile, schemas: Sequence[str] = ()) -> str:
    """Return the SQL that records `file` as applied in this transaction, begun at `poolhouse.started`.

    With `schemas`, it was applied to these.
    """
    started = "pg_catalog.to_timestamp(pg_catalog.current_setting('poolhouse.started')::float8)"
    is_baseline = isinstance(file, VersionedFile) and file.is_baseline
    state, kind = ("baselined", "baseline") if is_baseline else ("applied", "apply")
    row = _upsert(loaded, file, state=state, steps=(1, 1), started=started, finished=_NOW, schemas=schemas)
    return row + note_event(loaded, file, kind, schemas=schemas)


def advance(loaded: LoadedMigrations, plan: Plan, files: Sequence[MigrationFile], schemas: Sequence[str] = ()) -> str:
    """Return the SQL that moves the head over `files`, or the heads of `schemas`, and withdraws what has no file."""
    after = plan.after(files)
    head = after.head or Head(0, b"")
    # With the digest of the head it belongs to, so that it is void once anybody moves the head and leaves it.
    is_known = loaded.folder_digest is not None and is_settled(loaded, after.applied)
    settled = (loaded.folder_digest or b"") + head.digest if is_known else None
    return _withdraw(loaded, plan.forgotten, plan.replaced, schemas) + _set_head(loaded, head, settled, schemas)


def begin(loaded: LoadedMigrations, plan: Plan, file: VersionedFile, *, steps: int) -> str:
    """Return the SQL that records that `file` is run by statements, from the first or from where it stopped."""
    head = plan.head or Head(0, b"")
    done = plan.unfinished.row.steps_done if plan.unfinished else 0
    row = _upsert(loaded, file, state="running", steps=(done, steps), started=_NOW, finished="NULL")
    return row + _set_head(loaded, head._replace(dirty=True))


def record_step(loaded: LoadedMigrations, file: VersionedFile, done: int) -> str:
    """Return the SQL that records how many statements of `file` have run."""
    return f"UPDATE poolhouse.ledger SET steps_done = {done} WHERE {_is(loaded, file)};\n"


def finish(loaded: LoadedMigrations, plan: Plan, file: VersionedFile, *, repair: str | None = None) -> str:
    """Return the SQL that records that a half-done `file` is applied as it is now, by the given repair if any."""
    checksums = f"checksum = {literal(file.checksum)}, raw_checksum = {literal(file.raw_checksum)}"
    done = f"state = 'applied', steps_done = steps_total, finished_at = {_NOW}, error = NULL, {checksums}"
    update = f"UPDATE poolhouse.ledger SET {done} WHERE {_is(loaded, file)};\n"
    event = note_event(loaded, file, "repair" if repair else "apply", repair)
    return update + event + advance(loaded, plan, [file])


def fail(loaded: LoadedMigrations, plan: Plan, file: VersionedFile, *, error: str, half_done: bool) -> str:
    """Return the SQL that records why `file` stopped; when it is not half done, it counts as never begun."""
    finished = "NULL" if half_done else _NOW
    why = f"state = 'failed', error = {literal(error)}, finished_at = {finished}"
    update = f"UPDATE poolhouse.ledger SET {why} WHERE {_is(loaded, file)};\n"
    clean = _set_head(loaded, (plan.head or Head(0, b""))._replace(dirty=False))
    return update + note_event(loaded, file, "fail", error) + ("" if half_done else clean)


def undo(loaded: LoadedMigrations, head: Head, row: LedgerRow) -> str:
    """Return the SQL that records that a half-done migration was undone by hand, so that it is pending again."""
    update = f"UPDATE poolhouse.ledger SET state = 'failed', finished_at = {_NOW} WHERE {_is(loaded, row)};\n"
    event = note_event(loaded, row, "repair", "mark-rolled-back")
    return update + event + _set_head(loaded, head._replace(dirty=False))


def accept(loaded: LoadedMigrations, file: VersionedFile, head: Head) -> str:
    """Return the SQL that records `file` as it is now as what was applied, with the head that follows from that."""
    values = _values((file.checksum, file.raw_checksum, file.name))
    update = f"UPDATE poolhouse.ledger SET (checksum, raw_checksum, name) = ({values}) WHERE {_is(loaded, file)};\n"
    return update + note_event(loaded, file, "repair", "accept-checksum") + _set_head(loaded, head)


def baseline(loaded: LoadedMigrations, files: Sequence[VersionedFile], head: Head) -> str:
    """Return the SQL that records `files` as applied though nobody has run them, with the head that follows."""
    rows = (
        _upsert(loaded, file, state="baselined", steps=(0, 0), started=_NOW, finished=_NOW)
        + note_event(loaded, file, "baseline")
        for file in files
    )
    return "".join(rows) + _set_head(loaded, head)


def note_event(
    loaded: LoadedMigrations,
    file: MigrationFile | LedgerRow,
    kind: str,
    detail: str | None = None,
    *,
    schemas: Sequence[str] = (),
) -> str:
    """Return the SQL that adds an event, or one for each of `schemas`."""
    rows = _rows(loaded, schemas, _values((loaded.module, _version(file), file.name, kind, detail)))
    return f"INSERT INTO poolhouse.event (schema_name, module, version, name, kind, detail) VALUES {rows};\n"


def _upsert(
    loaded: LoadedMigrations,
    file: MigrationFile,
    *,
    state: str,
    steps: tuple[int, int],
    started: str,
    finished: str,
    schemas: Sequence[str] = (),
) -> str:
    version = _version(file)
    kind = "repeatable" if version is None else "versioned"
    key = _values((loaded.module, version, file.name, kind, file.checksum, file.raw_checksum, state))
    rows = _rows(loaded, schemas, f"{key}, {steps[0]}, {steps[1]}, {started}, {finished}")
    # The predicates fit the key of the ledger's first version as well, which records how it was changed.
    target = "name) WHERE version IS NULL" if version is None else "version) WHERE version IS NOT NULL"
    changed = ("name", "checksum", "raw_checksum", "state", "steps_done", "steps_total", "finished_at")
    updates = ", ".join(f"{column} = excluded.{column}" for column in changed)
    again = "" if state == "running" and steps[0] else ", started_at = excluded.started_at"
    return (
        "INSERT INTO poolhouse.ledger AS old (schema_name, module, version, name, kind, checksum, raw_checksum, state, "
        f"steps_done, steps_total, started_at, finished_at) "
        f"VALUES {rows}\n"
        f"ON CONFLICT (schema_name, module, {target} DO UPDATE SET {updates}{again}, "
        "applied_by = excluded.applied_by, error = NULL;\n"
    )


def _set_head(
    loaded: LoadedMigrations, head: Head, folder_digest: bytes | None = None, schemas: Sequence[str] = ()
) -> str:
    values = _values((loaded.module, head.version, head.digest, folder_digest))
    return (
        "INSERT INTO poolhouse.head (schema_name, module, version, digest, folder_digest, dirty) "
        f"VALUES {_rows(loaded, schemas, f'{values}, {head.dirty}')} "
        "ON CONFLICT (module, schema_name) DO UPDATE SET (version, digest, folder_digest, dirty) = "
        "(excluded.version, excluded.digest, excluded.folder_digest, excluded.dirty);\n"
    )


def _withdraw(loaded: LoadedMigrations, names: Sequence[str], versions: Sequence[int], schemas: Sequence[str]) -> str:
    gone = [f"version IS NULL AND name IN ({_values(names)})"] if names else []
    gone += [f"version IN ({_values(versions)})"] if versions else []
    withdraw = f"UPDATE poolhouse.ledger SET state = 'withdrawn' WHERE {_of(loaded, schemas)} AND"
    return "".join(f"{withdraw} {which};\n" for which in gone)


def _has_moved_on(loaded: LoadedMigrations, row: LedgerRow) -> str:
    same = f"steps_done = {row.steps_done} AND state = {literal(row.state)} AND finished_at IS NULL"
    return f" OR NOT EXISTS (SELECT FROM poolhouse.ledger WHERE {_is(loaded, row)} AND {same})"


def _rows(loaded: LoadedMigrations, schemas: Sequence[str], rest: str) -> str:
    return ",\n".join(f"({literal(schema)}, {rest})" for schema in schemas or [loaded.schema])


def _of(loaded: LoadedMigrations, schemas: Sequence[str] = ()) -> str:
    return f"module = {literal(loaded.module)} AND schema_name IN ({_values(schemas or [loaded.schema])})"


def _is(loaded: LoadedMigrations, file: VersionedFile | LedgerRow) -> str:
    return f"{_of(loaded)} AND version = {file.version}"


def _version(file: MigrationFile | LedgerRow) -> int | None:
    return file.version if isinstance(file, VersionedFile | LedgerRow) else None


def _values(values: Iterable[str | int | bytes | None]) -> str:
    return ", ".join(
        "NULL" if value is None else str(value) if isinstance(value, int) else literal(value) for value in values
    )
