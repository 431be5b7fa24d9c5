"""One set of migrations in many schemas."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.errors import (
    ConfigurationError,
    ConnectionLostError,
    IdentifierError,
    MigrationApplyError,
    MigrationDriftError,
    MigrationFilesError,
    MigrationPendingError,
    MigrationSchemasError,
    SchemaDroppedError,
    UsageError,
)
from poolhouse.migrations import MigrationSet, migrate, repair
from poolhouse.migrations.bundle import lock_key
from poolhouse.migrations.ledger import read_ledger
from poolhouse.schema import SchemaManager

OUTSIDE = "-- poolhouse: no-transaction\n"
A = "CREATE TABLE {{tables.a}} (id int PRIMARY KEY)"
N = "CREATE TABLE {{tables.a}} (id int PRIMARY KEY, n int)"
UNIQUE = "ALTER TABLE {{tables.a}} ADD UNIQUE (n)"
COUNT = "SELECT count(*) FROM pg_tables WHERE schemaname LIKE 'tenant_%' AND tablename = $1"
REACHED = "SELECT count(*) FROM poolhouse.head WHERE module = 'tenants' AND version = 2"


def names(count):
    return [f"tenant_{number}" for number in range(count)]


@pytest.fixture
def tenants(pool, write):
    """A set for many schemas: `tenants({"1_a.sql": "SELECT 1"}, ["tenant_1"])`."""

    def tenants(files, schemas, **options):
        return MigrationSet(SchemaManager(pool, schema="control"), write("tenants", files), schemas=schemas, **options)

    return tenants


async def fill(admin, *schemas):
    """Give tables of schemas rows that cannot be made unique."""
    for schema in schemas:
        await admin.execute(f"INSERT INTO {schema}.a VALUES (1, 0), (2, 0)")


async def test_all_schemas_are_created_and_migrated_with_a_report_for_each(tenants, admin):
    result = await migrate([tenants({"1_a.sql": A, "2_b.sql": "CREATE TABLE b (id int)"}, names(70))])
    assert [report.schema for report in result.reports] == names(70)
    assert {(report.version, report.applied) for report in result.reports} == {(2, (1, 2))}
    assert await admin.fetchval(COUNT, "a") == await admin.fetchval(COUNT, "b") == 70
    states = "SELECT DISTINCT state, steps_done, steps_total FROM poolhouse.ledger WHERE module = 'tenants'"
    assert [tuple(row) for row in await admin.fetch(states)] == [("applied", 1, 1)]
    events = "SELECT count(*) FROM poolhouse.event WHERE module = 'tenants' AND kind = 'apply'"
    assert await admin.fetchval(events) == 140


async def test_schemas_that_stand_differently_all_come_to_the_same(tenants, admin):
    view = "CREATE OR REPLACE VIEW v AS SELECT 1 AS one"
    files = {"1_a.sql": A, "2_b.sql": "CREATE TABLE b (id int)", "R_v.sql": view}
    await migrate([tenants({"1_a.sql": A}, names(8))])
    await migrate([tenants(files, names(4))])
    result = await migrate([tenants(files, names(12))])
    assert [report.applied for report in result.reports] == [()] * 4 + [(2,)] * 4 + [(1, 2)] * 4
    assert await admin.fetchval(REACHED) == 12


async def test_nothing_pending_needs_no_look_into_files(tenants, monkeypatch):
    await migrate([tenants({"1_a.sql": A}, names(3))])
    monkeypatch.setattr("poolhouse.migrations.files.WrittenMigrations.load", lambda _: pytest.fail("looked into"))
    result = await migrate([tenants({"1_a.sql": A}, names(3))])
    assert [(report.version, report.applied) for report in result.reports] == [(1, ())] * 3


async def test_each_schema_is_a_set_of_its_own_for_others(tenants):
    migrations = tenants({"1_a.sql": A}, names(2))
    await migrate([migrations])
    report = await migrations.for_schema("tenant_1").apply()
    assert (report.schema, report.version, report.applied) == ("tenant_1", 1, ())


async def test_a_query_finds_the_schemas_that_earlier_sets_have_made(pool, write, tenants):
    text = "CREATE TABLE {{tables.names}} (name text); INSERT INTO {{tables.names}} VALUES ('tenant_1'), ('tenant_2')"
    control = MigrationSet(SchemaManager(pool, schema="control"), write("control", {"1_t.sql": text}))
    each = tenants({"1_a.sql": A}, "SELECT name FROM {{tables.names}} ORDER BY name")
    result = await migrate([each, control])
    assert [report.schema for report in result.reports] == ["tenant_1", "tenant_2", "control"]


async def test_schemas_that_fail_keep_no_other_from_it(tenants, admin):
    await migrate([tenants({"1_a.sql": N}, names(60))])
    await fill(admin, "tenant_7", "tenant_41")
    files = {"1_a.sql": N, "2_u.sql": UNIQUE}
    with pytest.raises(MigrationSchemasError, match=r"2 of 60 schemas could not be migrated:") as caught:
        await migrate([tenants(files, names(60))])
    assert set(caught.value.failures) == {"tenant_7", "tenant_41"}
    assert isinstance(caught.value.failures["tenant_7"], MigrationApplyError)
    assert "2_u.sql:1:1" in str(caught.value)
    assert await admin.fetchval(REACHED) == 58
    await admin.execute("DELETE FROM tenant_7.a; DELETE FROM tenant_41.a")
    assert (await migrate([tenants(files, names(60))])).applied == 2


async def test_where_the_first_schema_fails_no_other_is_tried(tenants, admin):
    with pytest.raises(MigrationSchemasError, match="1 of 20 schemas could not be migrated, and 19 were not tried"):
        await migrate([tenants({"1_a.sql": "SELECT 1/0"}, names(20))])
    assert await admin.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant_%'") == 0


async def test_after_too_many_failures_no_other_schema_is_tried(tenants, admin):
    await migrate([tenants({"1_a.sql": N}, names(300))])
    await fill(admin, *names(30)[1:])
    with pytest.raises(MigrationSchemasError) as caught:
        await migrate([tenants({"1_a.sql": N, "2_u.sql": UNIQUE}, names(300), failure_limit=3)])
    failed, untried = len(caught.value.failures), caught.value.untried
    assert failed > 3
    assert untried > 0
    assert await admin.fetchval(REACHED) == 300 - failed - untried


async def test_outside_of_transactions_the_limit_of_failures_holds_between_two_schemas_too(tenants, admin):
    await migrate([tenants({"1_a.sql": N}, names(50))])
    await fill(admin, *names(50)[1:])
    index = f"{OUTSIDE}CREATE UNIQUE INDEX CONCURRENTLY u ON {{{{tables.a}}}} (n)"
    with pytest.raises(MigrationSchemasError) as caught:
        await migrate([tenants({"1_a.sql": N, "2_u.sql": index}, names(50), failure_limit=1)])
    assert 1 < len(caught.value.failures) < 8


HALF_DONE = f"{OUTSIDE}DO $$ BEGIN INSERT INTO a VALUES (2); COMMIT; PERFORM 1 / count(*) FROM control.mended; END $$"


async def test_a_half_done_schema_keeps_no_other_from_it_and_names_its_command(tenants, admin):
    files = {"1_a.sql": A, "2_h.sql": HALF_DONE}
    await admin.execute("CREATE SCHEMA control; CREATE TABLE control.mended (id int)")
    for schema in ("tenant_0", "tenant_3"):
        with pytest.raises(MigrationSchemasError):
            await migrate([tenants(files, [schema])])
    await admin.execute("INSERT INTO control.mended VALUES (1)")
    migrations = tenants(files, names(6))
    with pytest.raises(MigrationSchemasError, match="2 of 6 schemas could not be migrated:") as caught:
        await migrate([migrations])
    commands = [failure.commands[0] for failure in caught.value.failures.values()]
    assert commands == [
        f"poolhouse migrations repair tenants/2 --schema {schema} --resume" for schema in ("tenant_0", "tenant_3")
    ]
    assert await admin.fetchval(REACHED) == 4
    await admin.execute("DELETE FROM tenant_0.a; DELETE FROM tenant_3.a")
    for schema in ("tenant_0", "tenant_3"):
        await repair.resume(migrations.for_schema(schema), 2)
    assert (await migrate([migrations])).applied == 0
    assert await admin.fetchval(REACHED) == 6


ENDED = f"""{OUTSIDE}
DO $$ BEGIN
    IF current_schema() = 'tenant_1' THEN
        PERFORM pg_advisory_lock(1);
        PERFORM pg_sleep(0.2);
    ELSIF current_schema() = 'tenant_6' THEN
        WHILE pg_try_advisory_lock(1) LOOP
            PERFORM pg_advisory_unlock(1);
            PERFORM pg_sleep(0.01);
        END LOOP;
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
END $$
"""


async def test_when_a_session_is_lost_what_is_under_way_in_others_comes_to_its_end(tenants, admin):
    files = {"1_a.sql": A, "2_e.sql": ENDED}
    await migrate([tenants({"1_a.sql": A}, names(11))])
    with pytest.raises(ConnectionLostError):
        await migrate([tenants(files, names(11))])
    dirty = "SELECT schema_name FROM poolhouse.head WHERE module = 'tenants' AND dirty"
    assert [row["schema_name"] for row in await admin.fetch(dirty)] == ["tenant_6"]
    assert await admin.fetchval(REACHED) == 2


async def test_schemas_that_a_newer_release_has_migrated_are_warned_of_together(tenants, caplog):
    await migrate([tenants({"1_a.sql": A, "2_b.sql": "SELECT 1"}, names(3))])
    result = await migrate([tenants({"1_a.sql": A}, names(4))])
    assert [report.ahead for report in result.reports] == [(2,)] * 3 + [()]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("tenants: 3 schemas are ahead of the files in ")
    assert warning.endswith(" by version 2; a newer release has migrated them")


async def test_the_lock_of_a_schema_is_the_same_for_all_who_migrate_it(tenants, admin):
    async with admin.transaction():
        await admin.execute(f"SELECT pg_advisory_xact_lock({lock_key('tenants', 'tenant_5')})")
        with pytest.raises(MigrationSchemasError, match="another process is still migrating") as caught:
            await migrate([tenants({"1_a.sql": A}, names(12))], timeout=0.05)
    assert list(caught.value.failures) == ["tenant_5"]
    assert await admin.fetchval(COUNT, "a") == 11


@pytest.mark.parametrize("directive", ["", OUTSIDE], ids=["together", "outside"])
async def test_schemas_that_others_migrated_since_they_were_planned_are_left_alone(tenants, admin, caplog, directive):
    caplog.set_level("INFO", logger="poolhouse.migrations")
    await migrate([tenants({"1_a.sql": A}, names(8))])
    files = {"1_a.sql": A, "2_b.sql": f"{directive}INSERT INTO {{{{tables.a}}}} SELECT count(*) FROM {{{{tables.a}}}}"}
    async with admin.transaction():
        await admin.execute(f"SELECT pg_advisory_xact_lock({lock_key('tenants', 'tenant_0')})")
        first = asyncio.create_task(migrate([tenants(files, names(8))]))
        while "is in the way of schema 'tenant_0'" not in caplog.text:  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.01)
        assert (await migrate([tenants(files, names(8)[1:])])).applied == 7
    assert [report.applied for report in (await first).reports] == [(2,)] + [()] * 7
    assert await admin.fetchval("SELECT count(*) FROM tenant_7.a") == 1


async def test_two_runners_at_once_apply_each_migration_once(tenants, admin):
    migrations = tenants({"1_a.sql": A, "2_b.sql": "CREATE TABLE b (id int)"}, names(120))
    results = await asyncio.gather(migrate([migrations]), migrate([migrations]))
    assert sum(result.applied for result in results) == 240
    assert await admin.fetchval("SELECT count(*) FROM poolhouse.event WHERE module = 'tenants'") == 240


async def test_files_outside_of_transactions_go_schema_by_schema(tenants, admin):
    index = "-- poolhouse: no-transaction\nCREATE INDEX CONCURRENTLY on_id ON {{tables.a}} (id)"
    result = await migrate([tenants({"1_a.sql": A, "2_i.sql": index, "3_c.sql": "SELECT 1"}, names(6))])
    assert {report.applied for report in result.reports} == {(1, 2, 3)}
    assert await admin.fetchval("SELECT count(*) FROM pg_indexes WHERE indexname = 'on_id'") == 6


async def test_progress_is_told_as_it_is_made(tenants):
    seen = []
    await migrate([tenants({"1_a.sql": A}, names(30))], progress=seen.append)
    assert [each.done for each in seen] == sorted(each.done for each in seen)
    assert str(seen[-1]) == "tenants: 30 of 30 schemas"


async def test_without_a_callback_progress_goes_to_the_log(tenants, caplog):
    caplog.set_level("INFO", logger="poolhouse.migrations")
    await migrate([tenants({"1_a.sql": A}, names(30))])
    assert "tenants: 30 of 30 schemas" in caplog.text


async def test_a_cancelled_run_goes_on_with_what_is_left(tenants, admin):
    begun = asyncio.Event()
    files = {"1_a.sql": A}
    running = asyncio.create_task(migrate([tenants(files, names(200))], progress=lambda _: begun.set()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    result = await migrate([tenants(files, names(200))])
    assert 0 < result.applied < 200
    assert await admin.fetchval(COUNT, "a") == 200


async def test_drift_of_any_schema_is_refused_before_anything_is_applied(tenants, admin):
    await migrate([tenants({"1_a.sql": A}, names(3))])
    await admin.execute("DROP SCHEMA tenant_1 CASCADE")
    with pytest.raises(MigrationDriftError) as caught:
        await migrate([tenants({"1_a.sql": A, "2_b.sql": "SELECT 1"}, names(5))])
    assert [type(fault) for fault in caught.value.violations] == [SchemaDroppedError]
    assert await admin.fetchval(COUNT, "a") == 2


async def test_checking_names_what_is_pending_and_where(tenants):
    await migrate([tenants({"1_a.sql": A}, names(3))])
    with pytest.raises(MigrationPendingError, match=r"tenants/2_b\.sql in 3 schemas"):
        await migrate([tenants({"1_a.sql": A, "2_b.sql": "SELECT 1"}, names(3))], mode="check")


def test_a_schema_cannot_be_named_twice(tenants):
    with pytest.raises(IdentifierError, match="it is there twice"):
        tenants({"1_a.sql": A}, ["tenant_1", "tenant_1"])


async def test_a_set_of_many_schemas_has_no_report_of_one(tenants):
    for schemas in ([], names(2)):
        with pytest.raises(UsageError, match=r"Call `migrate\(\[migrations\]\)`"):
            await tenants({"1_a.sql": A}, schemas).apply()


async def test_a_result_has_a_line_for_all_schemas_of_which_the_same_is_true(tenants):
    await migrate([tenants({"1_a.sql": A}, names(1))])
    result = await migrate([tenants({"1_a.sql": A}, names(6))])
    assert str(result).splitlines() == [
        "tenants: up to date, schema 'tenant_0' at version 1",
        "tenants: 1 applied, 5 schemas (tenant_1, tenant_2, tenant_3, ...) at version 1",
    ]


async def test_progress_tells_what_was_done_in_each_schema_once(tenants):
    seen = []
    result = await migrate([tenants({"1_a.sql": A}, names(30))], progress=seen.append)
    told = [report for each in seen for report in each.reports]
    assert sorted(told, key=lambda report: names(30).index(report.schema)) == list(result.reports)


@pytest.fixture
def control(pool, write):
    return MigrationSet(SchemaManager(pool, schema="control"), write("control", {"1_t.sql": "CREATE TABLE t (x int)"}))


async def test_drift_of_a_schema_in_a_list_is_found_before_other_sets_are_migrated(tenants, control, admin):
    await migrate([tenants({"1_a.sql": A}, names(3))])
    with pytest.raises(MigrationDriftError, match="changed after it had been applied to schema 'tenant_0'"):
        await migrate([control, tenants({"1_a.sql": N}, names(3))])
    assert await admin.fetchval("SELECT to_regclass('control.t')") is None


async def test_drift_of_a_schema_is_found_before_where_its_query_can_be_asked(tenants, control, admin):
    query = "SELECT unnest(ARRAY['tenant_0', 'tenant_1'])"
    await migrate([tenants({"1_a.sql": A}, query)])
    with pytest.raises(MigrationDriftError):
        await migrate([control, tenants({"1_a.sql": N}, query)])
    assert await admin.fetchval("SELECT to_regclass('control.t')") is None


async def test_a_dependency_that_is_not_there_is_found_before_other_sets_are_migrated(tenants, control, admin):
    with pytest.raises(MigrationFilesError, match="it depends on control/0007"):
        await migrate([control, tenants({"1_a.sql": f"-- poolhouse: depends: control/0007\n{A}"}, names(2))])
    assert await admin.fetchval("SELECT to_regclass('control.t')") is None


async def test_a_query_that_cannot_be_asked_is_named(tenants):
    with pytest.raises(ConfigurationError, match=r"the query of the schemas of module 'tenants'.*does not exist"):
        await migrate([tenants({"1_a.sql": A}, "SELECT name FROM nowhere")])


async def test_schemas_ahead_of_the_files_are_told_by_one_look_into_the_ledger(tenants, monkeypatch):
    looks = []

    async def look(*arguments):
        looks.append(arguments)
        return await read_ledger(*arguments)

    await migrate([tenants({"1_a.sql": A, "2_b.sql": "SELECT 1"}, names(20))])
    monkeypatch.setattr("poolhouse.migrations.groups.read_ledger", look)
    result = await migrate([tenants({"1_a.sql": A}, names(20))])
    assert {(report.version, report.ahead) for report in result.reports} == {(2, (2,))}
    assert len(looks) == 2  # before other sets, and at its turn
