"""Modules that wait for each other, and those that do not."""

from __future__ import annotations

import pytest

from poolhouse.errors import MigrationApplyError, MigrationFilesError
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.schema import SchemaManager

# Two migrations that can only come to an end at the same time: each waits until the other has begun.
MEETING = """DO $$ BEGIN
    PERFORM pg_advisory_xact_lock({mine});
    FOR try IN 1..500 LOOP
        IF (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid IN (71, 72)) = 2 THEN
            PERFORM pg_sleep(0.3);
            RETURN;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE 'nobody came';
END $$"""


@pytest.fixture
def sets(pool, write):
    """Sets by module: `sets(users={"1_a.sql": …}, orders=(…, {"schema": "users"}))`."""

    def sets(**modules):
        made = []
        for module, given in modules.items():
            files, options = given if isinstance(given, tuple) else (given, {})
            db = SchemaManager(pool, schema=options.get("schema", module), reads=options.get("reads", ()))
            made.append(MigrationSet(db, write(module, files)))
        return made

    return sets


def applied(result):
    return [report.applied for report in result.reports]


async def order(admin):
    query = "SELECT module, version FROM poolhouse.event WHERE module <> 'poolhouse' AND kind = 'apply' ORDER BY id"
    rows = await admin.fetch(query)
    return [f"{row['module']}/{row['version']}" for row in rows]


async def test_a_file_waits_for_the_migration_it_depends_on(sets, admin):
    late = "-- poolhouse: depends: users/0002\nCREATE VIEW v AS SELECT * FROM users.a"
    users = {"1_slow.sql": "SELECT pg_sleep(0.1)", "2_a.sql": "CREATE TABLE a (id int)", "3_b.sql": "SELECT 1"}
    await migrate(sets(orders={"1_o.sql": "SELECT 1", "2_v.sql": late}, users=users))
    found = await order(admin)
    assert found.index("users/2") < found.index("orders/2")


async def test_two_modules_may_wait_for_each_other_in_turns(sets, admin):
    users = {
        "1_a.sql": "CREATE TABLE a (id int)",
        "2_b.sql": "-- poolhouse: depends: orders/1\nCREATE VIEW b AS SELECT * FROM orders.o",
    }
    orders = {
        "1_o.sql": "-- poolhouse: depends: users/1\nCREATE VIEW o AS SELECT * FROM users.a",
        "2_p.sql": "-- poolhouse: depends: users/2\nCREATE VIEW p AS SELECT * FROM users.b",
    }
    await migrate(sets(users=users, orders=orders))
    assert await order(admin) == ["users/1", "orders/1", "users/2", "orders/2"]


async def test_independent_modules_are_migrated_at_the_same_time(sets):
    result = await migrate(
        sets(users={"1_a.sql": MEETING.format(mine=71)}, orders={"1_a.sql": MEETING.format(mine=72)})
    )
    assert applied(result) == [(1,), (1,)]


@pytest.mark.parametrize("options", [{"reads": ["users.a"]}, {"schema": "users"}])
async def test_what_reads_or_shares_a_schema_keeps_the_given_order(sets, options):
    users = {"1_a.sql": "SELECT pg_sleep(0.2); CREATE TABLE a (id int)"}
    orders = {"1_v.sql": "CREATE VIEW v AS SELECT * FROM users.a"}
    assert applied(await migrate(sets(users=users, orders=(orders, options)))) == [(1,), (1,)]


async def test_a_dependency_that_was_applied_long_ago_is_not_waited_for(sets):
    users = {"1_a.sql": "CREATE TABLE a (id int)"}
    await migrate(sets(users=users))
    orders = {"1_v.sql": "-- poolhouse: depends: users/1\nCREATE VIEW v AS SELECT * FROM users.a"}
    assert applied(await migrate(sets(users=users, orders=orders))) == [(), (1,)]


async def test_a_repeatable_file_may_depend_on_another_module(sets):
    users = {"1_a.sql": "SELECT pg_sleep(0.1); CREATE TABLE a (id int)"}
    orders = {"R_v.sql": "-- poolhouse: depends: users/1\nCREATE OR REPLACE VIEW v AS SELECT * FROM users.a"}
    assert (await migrate(sets(orders=orders, users=users))).applied == 2


async def test_after_a_failure_nothing_else_is_begun_and_what_runs_comes_to_its_end(sets, admin):
    users = {"1_a.sql": "SELECT nosuch"}
    orders = {"1_o.sql": "SELECT pg_sleep(0.3); CREATE TABLE o (id int)", "2_p.sql": "-- poolhouse: isolate\nSELECT 1"}
    waiting = {"1_w.sql": "-- poolhouse: depends: users/1\nSELECT 1"}
    with pytest.raises(MigrationApplyError, match=r"Applied, and kept: orders/1_o\.sql"):
        await migrate(sets(users=users, orders=orders, waiting=waiting))
    assert await order(admin) == ["orders/1"]


async def test_what_a_dependency_is_wrong_about_is_said_before_anything_is_applied(sets, admin):
    orders = {
        "1_a.sql": "-- poolhouse: depends: user/1\nSELECT 1",
        "2_b.sql": "-- poolhouse: depends: users/9\nSELECT 1",
    }
    with pytest.raises(MigrationFilesError) as caught:
        await migrate(sets(users={"1_a.sql": "SELECT 1"}, orders=orders))
    first, second = map(str, caught.value.violations)
    assert "1_a.sql: it depends on user/0001, and no module 'user' is migrated with it. Known here are orders" in first
    assert "2_b.sql: it depends on users/0009, and " in second
    assert await admin.fetchval("SELECT to_regnamespace('poolhouse') IS NULL")


async def test_a_circle_is_drawn(sets):
    users = {"1_a.sql": "SELECT 1", "2_b.sql": "-- poolhouse: depends: orders/2\nSELECT 1"}
    orders = {"1_a.sql": "-- poolhouse: depends: users/2\nSELECT 1", "2_b.sql": "SELECT 1"}
    with pytest.raises(MigrationFilesError, match="in a circle: ") as caught:
        await migrate(sets(users=users, orders=orders))
    (circle,) = caught.value.violations
    assert "users/0002 -> orders/0002 -> orders/0001 -> users/0002" in str(circle)


async def test_a_missing_table_of_another_module_hints_at_the_directive(sets):
    with pytest.raises(MigrationApplyError, match="poolhouse: depends: <module>/<version>"):
        await migrate(sets(orders={"1_v.sql": "CREATE VIEW v AS SELECT * FROM users.a"}))
