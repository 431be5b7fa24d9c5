"""What is pending, as a script for psql."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.commands import plan_command
from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.plan import plan_from_head
from poolhouse._core.statement_kind import StatementKind, kind_of
from poolhouse._core.turns import turns_of
from poolhouse.errors import MigrationFilesError
from poolhouse.migrations.access import Access
from poolhouse.migrations.attempt import prepare
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.bundle import BUSY, STALE, block, create_schema, lock_key, milliseconds, search_path
from poolhouse.migrations.dirty import interrupted
from poolhouse.migrations.examples import examples_of, examples_of_lists
from poolhouse.migrations.files import ledger_migrations
from poolhouse.migrations.ledger import begin, finish, is_stale, record_step
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.reading import load_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from poolhouse._core.dependencies import Dependencies
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse._core.turns import Turn
    from poolhouse.migrations.migration_set import MigrationSet

_LOCK_TIMEOUT = 3.0  # seconds, as in a real run

_HEAD = """\
-- Made by `poolhouse migrations plan`, for psql. It refuses to run where something was migrated since.
\\set ON_ERROR_STOP on
"""


class PsqlScript(NamedTuple):
    """SQL that applies all that is pending; empty where nothing is.

    `alike` are schemas of sets of many in which the same is pending, by module and the first of them. What is for those
    is in `sql` as a comment, as it is for the first.
    """

    sql: str
    alike: Mapping[tuple[str, str], tuple[str, ...]]


async def psql_script(sets: Sequence[MigrationSet], *, contract: bool = False, offline: bool = False) -> PsqlScript:
    """Return the SQL that applies all that is pending, with the ledger's own records.

    It is for one database; run by psql it does what `migrate` would, except for many schemas: what is to be done in
    them is only shown, once for all that stand alike. `MigrationSet.for_schema` is for having it run. With `offline` no
    database is asked, and the script is for an empty one. Raises what `migrate` raises before it applies anything.
    """
    examples = examples_of_lists(sets) if offline else await examples_of(sets, contract=contract)
    parts = [_unknown(each) for each in examples.unknown]
    for pool, (wanted, dependencies) in load_all(examples.sets).items():
        every = (ledger_migrations(), *wanted)
        if offline:
            plans = {each: plan for each in every if (plan := plan_from_head(each, None, contract=contract))}
        else:
            with translated():
                async with Access(pool).looking() as connection:
                    plans = await plan_all(connection, every, contract=contract)
        parts += _parts(dependencies, plans, examples.schemas)
    return PsqlScript("\n".join((_HEAD, *parts)) if parts else "", examples.schemas)


def _parts(
    dependencies: Dependencies,
    plans: Mapping[LoadedMigrations, Plan],
    alike: Mapping[tuple[str, str], tuple[str, ...]],
) -> Iterator[str]:
    if withheld := [*dependencies.withheld({each: plan for each, plan in plans.items() if each.directory})]:
        raise MigrationFilesError(withheld)
    for turn in turns_of(dependencies, plans):
        module, schema = turn.loaded.module, turn.loaded.schema
        names = ", ".join(file.filename for file in turn.stage.files)
        is_whole = turn.stage.is_transactional and not turn.plan.unfinished
        sql = _whole(turn) if is_whole else "".join(_stepwise(turn))
        many = alike.get((module, schema))
        if many is None:
            yield f"-- {module}, schema {schema}: {names}\n{sql}"
        else:
            count = "1 schema" if len(many) == 1 else f"{len(many)} schemas"
            yield (
                f"-- {module}, {count}: {names}\n-- {', '.join(map(repr, many))}\n"
                f"-- As it is for the first; `{plan_command(module, schema)}` is for psql:\n{_as_comment(sql)}"
            )


def _unknown(loaded: LoadedMigrations) -> str:
    return f"-- {loaded.module}: its schemas are known when what is pending elsewhere is applied\n"


def _as_comment(sql: str) -> str:
    return "".join(f"--   {line}\n" for line in sql.splitlines())


def _whole(turn: Turn) -> str:
    attempt = prepare(turn.loaded, turn.plan, turn.stage, lock_timeout=_LOCK_TIMEOUT)
    # psql takes apart what the driver sends as one message, which is a transaction by itself.
    return f"BEGIN;\n{attempt.bundle.sql}COMMIT;\n"


def _stepwise(turn: Turn) -> Iterator[str]:
    (file,) = turn.stage.files
    assert isinstance(file, VersionedFile)  # noqa: S101 - repeatable files are refused what leads here
    attempt = prepare(turn.loaded, turn.plan, turn.stage, lock_timeout=_LOCK_TIMEOUT)
    statements = [attempt.bundle.sql[each.start : each.end] for each in attempt.bundle.stretches]
    kinds = [kind_of(statement) for statement in statements]
    unfinished = turn.plan.unfinished
    if unfinished and (dirty := interrupted(attempt, unfinished, kinds)):
        raise dirty
    first = unfinished.row.steps_done if unfinished else 0
    yield _opening(turn, file)
    yield begin(turn.loaded, turn.plan, file, steps=len(statements))
    for number, (statement, kind) in enumerate(zip(statements, kinds, strict=True)):
        if number < first and kind is not StatementKind.SESSION:
            continue
        done = record_step(turn.loaded, file, number + 1) if number >= first else ""
        if kind is StatementKind.ATOMIC:
            yield f"BEGIN;\n{statement};\n{done}COMMIT;\n"
        else:
            yield f"{statement};\n{done}"
    yield f"BEGIN;\n{finish(turn.loaded, turn.plan, file)}COMMIT;\n"
    yield f"RESET ALL;\n{block(f'PERFORM pg_catalog.pg_advisory_unlock({_key(turn)});')}"


def _opening(turn: Turn, file: VersionedFile) -> str:
    head, unfinished = turn.plan.head, turn.plan.unfinished
    stale = is_stale(turn.loaded, head, unfinished.row if unfinished else None)
    refusals = (
        f"IF NOT pg_catalog.pg_try_advisory_lock({_key(turn)})",
        f"THEN RAISE EXCEPTION 'another process is migrating' USING ERRCODE = '{BUSY}'; END IF;",
        f"IF {stale}",
        f"THEN RAISE EXCEPTION 'another process has migrated' USING ERRCODE = '{STALE}'; END IF;",
    )
    schema = () if head else (create_schema(turn.loaded.schema),)
    said = file.directives
    return block(*refusals, *schema) + (
        f"SET search_path = {search_path(turn.loaded.schema)};\n"
        f"SET lock_timeout = {milliseconds(said.lock_timeout or 0.0)};\n"
        f"SET statement_timeout = {milliseconds(said.statement_timeout or 0.0)};\n"
    )


def _key(turn: Turn) -> int:
    return lock_key(turn.loaded.module, turn.loaded.schema)
