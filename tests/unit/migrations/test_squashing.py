"""Migrations that stand for others: what is applied, what is recorded, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolhouse._core.dependencies import Dependencies
from poolhouse._core.migration_file import LoadedMigrations, parse_migration
from poolhouse._core.plan import Head, LedgerRow, applied_files, applied_of, plan_from_head, plan_from_ledger
from poolhouse.errors import (
    DirectiveError,
    LateMigrationError,
    MigrationDriftError,
    MigrationFilesError,
    ReplacedMigrationsError,
)
from poolhouse.migrations.files import load_folder

SQUASH = "-- poolhouse: replaces: 0001..0003\nSELECT 'all'"


def text_of(version):
    return SQUASH if version == 4 else f"SELECT {version}"


def files(*versions, **texts):
    """Return migrations of the given versions, of which 4 replaces 1 to 3."""
    found = {**{version: text_of(version) for version in versions}, **{int(v[1:]): text for v, text in texts.items()}}
    parsed = (parse_migration(f"m/{v:04}_x.sql", text.encode(), schema="s") for v, text in sorted(found.items()))
    return LoadedMigrations("m", "s", frozenset(), "m", tuple(parsed))


def planned(loaded, *applied, contract=False):
    """Plan for a schema that has the given versions, from the head alone where it tells."""
    checksums = {file.version: file.checksum for file in files(1, 2, 3, 4, 5, 6).files}
    rows = [LedgerRow(version, "x", checksums[version]) for version in applied]
    digest = applied_of(rows).digest
    head = Head(applied[-1], digest) if applied else None
    return plan_from_head(loaded, head, contract=contract) or plan_from_ledger(loaded, head, rows, contract=contract)


def done(plan):
    return [(file.version, file.is_baseline) for file in plan.pending]


def test_in_a_new_schema_it_is_applied_instead_of_those_it_replaces():
    assert done(planned(files(1, 2, 3, 4, 5))) == [(4, False), (5, False)]
    assert done(planned(files(4, 5))) == [(4, False), (5, False)]


def test_where_all_of_them_are_applied_it_is_only_recorded():
    assert done(planned(files(1, 2, 3, 4, 5), 1, 2, 3)) == [(4, True), (5, False)]
    assert done(planned(files(4, 5), 1, 2, 3)) == [(4, True), (5, False)]


def test_where_some_of_them_are_applied_the_rest_comes_first():
    assert done(planned(files(1, 2, 3, 4, 5), 1, 2)) == [(3, False), (4, True), (5, False)]


def test_where_some_of_them_are_applied_and_the_files_are_gone_it_is_refused():
    with pytest.raises(MigrationDriftError) as caught:
        planned(files(4, 5), 1, 2)
    (fault,) = caught.value.violations
    assert isinstance(fault, ReplacedMigrationsError)
    assert "schema 's' has those up to 2, and the files of the rest are gone" in str(fault)


@pytest.mark.parametrize("here", [(1, 2, 3, 4), (4,)])
@pytest.mark.parametrize("applied", [(4,), (1, 2, 3, 4)])
def test_once_it_is_recorded_nothing_is_pending(here, applied):
    assert done(planned(files(*here), *applied)) == []


def test_a_release_without_it_takes_the_schema_as_ahead():
    plan = planned(files(1, 2, 3), 1, 2, 3, 4)
    assert (plan.pending, plan.ahead) == ((), (4,))


def test_the_head_alone_tells_a_schema_that_was_installed_by_it():
    loaded = files(1, 2, 3, 4, 5)
    installed = planned(loaded).after(planned(loaded).pending).head
    assert plan_from_head(loaded, installed).pending == ()
    assert plan_from_head(files(4, 5), installed).pending == ()


def test_what_is_replaced_and_has_no_files_is_withdrawn_with_the_next_migration_and_not_before():
    assert planned(files(4), 1, 2, 3).replaced == ()
    plan = planned(files(4, 5), 1, 2, 3, 4)
    assert plan.replaced == (1, 2, 3)
    after = plan.after(plan.pending)
    assert [each.version for each in after.applied.versions] == [4, 5]
    assert planned(files(1, 2, 3, 4, 5), 1, 2, 3, 4).replaced == ()


def test_it_is_not_late_where_those_it_replaces_are_applied():
    assert done(planned(files(1, 2, 3, 4, 5), 1, 2, 3, 5)) == [(4, True)]


def test_it_is_late_like_any_other_where_nothing_was_applied_that_it_replaces():
    with pytest.raises(MigrationDriftError) as caught:
        planned(files(4, 5), 5)
    assert isinstance(caught.value.violations[0], LateMigrationError)


def test_a_held_contract_migration_that_it_replaces_holds_it_too():
    loaded = files(1, 2, 4, v3="-- poolhouse: phase: contract\nSELECT 3")
    assert done(planned(loaded, 1, 2)) == []
    assert done(planned(loaded, 1, 2, contract=True)) == [(3, False), (4, True)]


def test_one_that_replaces_another_stands_for_what_that_one_stands_for():
    loaded = files(4, 5, v6="-- poolhouse: replaces: 0001..0005\nSELECT 6")
    assert done(planned(loaded)) == [(6, False)]
    assert done(planned(loaded, 4)) == [(5, False), (6, True)]
    assert done(planned(loaded, 1, 2, 3)) == [(4, True), (5, False), (6, True)]


@pytest.mark.parametrize(
    ("here", "applied", "replayed"),
    [
        ((1, 2, 3, 4), (1, 2, 3), [1, 2, 3]),
        ((1, 2, 3, 4), (1, 2, 3, 4), [4]),
        ((1, 2, 3, 4), (4,), [4]),
        ((4,), (1, 2, 3), [4]),
        ((1, 2, 3, 4, 5), (1, 2), [1, 2]),
    ],
)
def test_a_replay_runs_one_or_the_other(here, applied, replayed):
    loaded = files(*here)
    assert [file.version for file in applied_files(loaded, planned(loaded, *applied).applied)] == replayed


def test_what_depends_on_a_replaced_migration_waits_for_the_one_that_stands_for_it():
    users = files(4, 5)
    (file,) = (parse_migration("o/0001_x.sql", b"-- poolhouse: depends: m/0002\nSELECT 1", schema="o"),)
    orders = LoadedMigrations("orders", "o", frozenset(), "o", (file,))
    dependencies = Dependencies([users, orders])
    assert dependencies.faults() == []
    assert [need.version for need in dependencies.needs(orders, file)] == [4]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"0001_a": "SELECT 1", "0002_b": "-- poolhouse: replaces: 0001..0002\nSELECT 1"}, "has version 2 itself"),
        (
            {"0001_a": "SELECT 1", "0002_b": "SELECT 1", "0003_c": "-- poolhouse: replaces: 0001..0001\nSELECT 1"},
            "0002_b.sql lies between what it replaces and itself",
        ),
        ({"0001_a": "-- poolhouse: replaces: 0002..0001\nSELECT 1"}, "cannot be read"),
        ({"0001_a": "-- poolhouse: replaces: some\nSELECT 1"}, "Write it as in `-- poolhouse: replaces: 0001..0007`"),
        ({"R_a": "-- poolhouse: replaces: 0001..0002\nSELECT 1"}, "in a repeatable migration"),
        (
            {"0003_a": "-- poolhouse: replaces: 0001..0002\n-- poolhouse: no-transaction\nSELECT 1"},
            "outside of transactions",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_when_files_are_loaded(tmp_path, texts, told):
    for name, text in texts.items():
        Path(tmp_path, f"{name}.sql").write_text(text)
    with pytest.raises(MigrationFilesError) as caught:
        load_folder(tmp_path, module="m", schema="s")
    (fault,) = caught.value.violations
    assert isinstance(fault, DirectiveError)
    assert told in str(fault)
