"""What files, head and ledger together mean."""

from __future__ import annotations

import pytest

from poolhouse._core.migration_file import LoadedMigrations, parse_migration
from poolhouse._core.plan import Head, LedgerRow, chain, plan_from_head, plan_from_ledger
from poolhouse.errors import (
    DivergedMigrationsError,
    LateMigrationError,
    LedgerError,
    MigrationDriftError,
    MissingMigrationError,
    ModifiedMigrationError,
)


def files(**texts):
    """Migrations `v1="SELECT 1"`, in the order of their versions."""
    parsed = [parse_migration(f"m/{name[1:]}_x.sql", text.encode(), schema="s") for name, text in texts.items()]
    return LoadedMigrations("m", "s", frozenset(), "m", tuple(sorted(parsed, key=lambda file: file.version)))


def applied(loaded):
    rows = [LedgerRow(file.version, file.name, file.checksum) for file in loaded.files]
    return Head(rows[-1].version, chain(rows)[-1]), rows


def versions(plan):
    return [file.version for file in plan.pending]


def drift(loaded, database):
    with pytest.raises(MigrationDriftError) as caught:
        plan_from_ledger(loaded, *applied(database))
    return caught.value.violations


def test_without_a_head_everything_is_pending():
    assert versions(plan_from_head(files(v1="a", v2="b"), None)) == [1, 2]


def test_with_the_head_of_the_last_file_nothing_is_pending():
    loaded = files(v1="a", v2="b")
    assert versions(plan_from_head(loaded, applied(loaded)[0])) == []


def test_what_follows_the_head_is_pending():
    assert versions(plan_from_head(files(v1="a", v2="b", v10="c"), applied(files(v1="a"))[0])) == [2, 10]


def test_a_head_outside_the_chain_needs_the_ledger():
    assert plan_from_head(files(v1="a"), applied(files(v1="b"))[0]) is None


def test_a_dirty_head_needs_the_ledger_even_when_it_is_in_the_chain():
    loaded = files(v1="a", v2="b")
    assert plan_from_head(loaded, applied(loaded)[0]._replace(dirty=True)) is None


def test_a_database_that_knows_more_is_ahead():
    plan = plan_from_ledger(files(v1="a"), *applied(files(v1="a", v2="b", v3="c")))
    assert (plan.pending, plan.ahead) == ((), (2, 3))


def test_a_changed_file_is_modified():
    (fault,) = drift(files(v1="a", v2="changed"), files(v1="a", v2="b"))
    assert isinstance(fault, ModifiedMigrationError)
    assert str(fault).startswith("m/2_x.sql: it was changed after it had been applied to schema 's'")


def test_a_file_that_is_gone_below_the_newest_is_missing():
    (fault,) = drift(files(v2="b"), files(v1="a", v2="b"))
    assert isinstance(fault, MissingMigrationError)
    assert "version 1 (x) was applied to schema 's', and its file is missing. Restore the file" in str(fault)


def test_a_file_that_got_another_version_is_pointed_at():
    (fault,) = drift(files(v2="b", v3="a"), files(v1="a", v2="b"))
    assert isinstance(fault, MissingMigrationError)
    assert "Rename 3_x.sql, which has the same content, back to version 1" in str(fault)


def test_a_file_below_the_head_that_was_not_applied_is_late():
    (fault,) = drift(files(v1="a", v2="b", v3="c"), files(v1="a", v3="c"))
    assert isinstance(fault, LateMigrationError)
    assert "is at version 3 already. Give it a version above 3" in str(fault)


def test_files_and_database_that_each_know_more_have_diverged():
    (fault,) = drift(files(v1="a", v2="b"), files(v1="a", v3="c"))
    assert isinstance(fault, DivergedMigrationsError)
    assert (fault.files, fault.applied) == (("2_x.sql",), ("version 3 (x)",))


def test_all_drift_of_a_set_is_reported_together():
    found = drift(files(v1="changed", v3="c", v4="d"), files(v1="a", v2="b", v4="d"))
    assert [type(fault) for fault in found] == [ModifiedMigrationError, MissingMigrationError, LateMigrationError]


def test_a_renamed_file_is_the_same_migration():
    loaded = files(v1="a", v2="b")
    head, rows = applied(loaded)
    assert versions(plan_from_ledger(loaded, head, [row._replace(name="old") for row in rows])) == []


def test_a_head_that_does_not_follow_from_the_ledger_is_refused():
    head, rows = applied(files(v1="a", v2="b"))
    for wrong_head, wrong_rows in ((head, rows[:1]), (None, rows), (head, [])):
        with pytest.raises(LedgerError, match="is not what follows"):
            plan_from_ledger(files(v1="x"), wrong_head, wrong_rows)


def test_the_ledger_may_say_that_others_caught_up_meanwhile():
    loaded = files(v1="a", v2="b")
    assert versions(plan_from_ledger(loaded, *applied(files(v1="a")))) == [2]


OPEN = {"state": "running", "is_open": True}


def test_a_migration_that_was_begun_is_the_first_of_what_is_pending():
    loaded = files(v1="a", v2="b", v3="c")
    head, rows = applied(files(v1="a"))
    begun = LedgerRow(2, "x", loaded.files[1].checksum, steps_done=1, steps_total=3, **OPEN)
    plan = plan_from_ledger(loaded, head._replace(dirty=True), [*rows, begun])
    assert versions(plan) == [2, 3]
    assert plan.unfinished == (loaded.files[1], begun)


def test_a_begun_migration_of_a_newer_release_is_ahead_and_not_ours():
    head, rows = applied(files(v1="a"))
    begun = LedgerRow(2, "x", b"", **OPEN)
    plan = plan_from_ledger(files(v1="a"), head._replace(dirty=True), [*rows, begun])
    assert (plan.pending, plan.unfinished, plan.ahead) == ((), None, (2,))


def test_a_begun_migration_whose_file_is_gone_is_missing():
    head, rows = applied(files(v1="a"))
    begun = LedgerRow(2, "x", b"", **OPEN)
    with pytest.raises(MigrationDriftError, match=r"version 2 \(x\) was applied"):
        plan_from_ledger(files(v1="a", v3="c"), head._replace(dirty=True), [*rows, begun])


def test_a_begun_migration_without_a_dirty_head_is_a_contradiction():
    head, rows = applied(files(v1="a"))
    with pytest.raises(LedgerError):
        plan_from_ledger(files(v1="a", v2="b"), head, [*rows, LedgerRow(2, "x", b"", **OPEN)])


def test_a_plan_knows_the_head_that_it_leads_to():
    loaded = files(v1="a", v2="b", v3="c")
    plan = plan_from_head(loaded, None)
    assert plan.after(loaded.files[:2]).head == applied(files(v1="a", v2="b"))[0]
    assert plan.after(loaded.files[:2]).after(loaded.files[2:]) == plan_from_head(loaded, applied(loaded)[0])
