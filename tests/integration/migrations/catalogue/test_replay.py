"""Statements that are no ordinary part of a transaction, replayed in one."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from poolhouse._core.migration_file import parse_migration
from poolhouse.errors import MigrationReplayError
from poolhouse.migrations.catalogue import catalogue_of, compare, read_catalogue
from poolhouse.migrations.catalogue.replaying import rolled_back


@pytest.fixture
def made(pool):
    """The catalogue of files given by their texts: `await made("CREATE TABLE t ()")`."""

    async def made(*texts, schema="shop", reads=()):
        # The loader refuses some statements outside of files that say what they are; a replay takes them anywhere.
        files = [
            replace(parse_migration(f"m/{number}_x.sql", b"SELECT 1", schema=schema), text=text)
            for number, text in enumerate(texts, start=1)
        ]
        return await catalogue_of(files, pool, schema=schema, reads=reads)

    return made


@pytest.fixture
def real(admin):
    """The catalogue of a schema in which statements were run one by one, for good."""

    async def real(*statements, schema="shop"):
        await admin.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}, public")
        for statement in statements:
            await admin.execute(statement)
        return await read_catalogue(admin, schema)

    return real


def places(catalogue):
    return [entry.place for entry in catalogue.entries]


CONCURRENTLY = (
    "CREATE TABLE t (id int PRIMARY KEY, a int)",
    "CREATE UNIQUE INDEX CONCURRENTLY by_a ON t (a)",
    "CREATE INDEX /* not */ concurrently IF NOT EXISTS gone ON t (id)",
    "CREATE MATERIALIZED VIEW m AS SELECT * FROM t",
    "CREATE UNIQUE INDEX ON m (id)",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "REINDEX INDEX CONCURRENTLY by_a",
    "DROP INDEX CONCURRENTLY gone",
    "VACUUM t",
    "VACUUM (ANALYZE) t",
    "ALTER TABLE t ADD CONSTRAINT a UNIQUE USING INDEX by_a",
    "CLUSTER t USING t_pkey",
    "CLUSTER",
    "CHECKPOINT",
)


async def test_what_cannot_run_in_transactions_is_replayed_as_what_it_makes(made, real):
    assert compare(await real(*CONCURRENTLY), await made(*CONCURRENTLY)) == ()


ENUMS = (
    "CREATE TYPE mood AS ENUM ('a', 'c'); CREATE TABLE t (m mood)",
    "ALTER TYPE mood ADD VALUE 'b' AFTER 'a'",
    "ALTER TABLE t ALTER m SET DEFAULT 'b'",
    "ALTER TYPE mood RENAME VALUE 'b' TO 'x'",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'b' BEFORE 'a'",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'c'",
    "CREATE TYPE other AS ENUM ()",
    "ALTER TYPE other ADD VALUE 'it''s'",
    "ALTER TABLE t ADD o other DEFAULT 'it''s', ALTER m SET DEFAULT 'b'",
)


async def test_a_value_is_used_in_the_replay_that_adds_it(made, real):
    catalogue = await made(*ENUMS)
    assert compare(await real(*ENUMS), catalogue) == ()
    labels = {entry.name: dict(entry.aspects).get("labels") for entry in catalogue.entries}
    assert (labels["mood"], labels["other"]) == ("'b', 'a', 'x', 'c'", "'it''s'")


async def test_a_partition_that_was_detached_concurrently_is_replayed(made, real):
    statements = (
        "CREATE TABLE p (a int NOT NULL) PARTITION BY RANGE (a)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (10)",
        "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
    )
    assert compare(await real(*statements), await made(*statements)) == ()


async def test_an_extension_of_the_schema_is_created_by_the_file_that_says_so(made, real):
    statements = ("CREATE EXTENSION hstore", "CREATE TABLE t (h hstore)")
    catalogue = await real(*statements)
    assert compare(await made(*statements), catalogue) == ()
    assert compare(await made("CREATE EXTENSION IF NOT EXISTS hstore; CREATE TABLE t (h hstore)"), catalogue) == ()


async def test_an_extension_that_no_file_creates_is_there_and_not_expected(made, real):
    catalogue = await real("CREATE EXTENSION hstore", "CREATE TABLE t (h hstore)")
    found = compare(await made("CREATE TABLE t (h hstore)"), catalogue)
    assert [str(each) for each in found] == ["extension hstore: unexpected"]


async def test_an_extension_that_was_dropped_is_missing(made, real):
    catalogue = await real("CREATE TABLE t (id int)")
    found = compare(await made("CREATE EXTENSION hstore", "CREATE TABLE t (id int)"), catalogue)
    assert [str(each) for each in found] == ["extension hstore: missing"]


async def test_an_extension_elsewhere_is_used_where_it_is(made, admin):
    await admin.execute("CREATE EXTENSION hstore SCHEMA public")
    assert "extension hstore" not in places(await made("CREATE EXTENSION hstore; CREATE TABLE t (h hstore)"))


async def test_settings_of_one_file_do_not_reach_the_next(made):
    catalogue = await made("SET search_path = public; SET check_function_bodies = off", "CREATE TABLE t (id int)")
    assert "table t" in places(catalogue)
    with pytest.raises(MigrationReplayError, match="syntax error"):
        await made("SET check_function_bodies = off", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'nonsense'")


async def test_a_block_that_commits_is_refused(made, admin):
    with pytest.raises(MigrationReplayError, match="invalid transaction termination") as caught:
        await made("CREATE TABLE t (id int);\nDO $$ BEGIN COMMIT; END $$")
    assert (caught.value.line, caught.value.column) == (2, 1)
    assert await admin.fetchval("SELECT to_regnamespace('shop')") is None


async def test_the_transaction_of_a_replay_cannot_be_committed(pool, admin):
    async with pool.lease("test") as lease, rolled_back(lease.connection):
        await lease.connection.execute("CREATE SCHEMA behind; SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(asyncpg.DataError, match="a replay does not commit"):
            await lease.connection.execute("COMMIT")
    assert await admin.fetchval("SELECT to_regnamespace('behind')") is None


async def test_a_position_leads_to_line_and_column_in_the_template(made):
    with pytest.raises(MigrationReplayError) as caught:
        await made("CREATE TABLE {{tables.a}} (id int);\nCREATE INDEX CONCURRENTLY i\n    ON {{tables.a}} (nosuch)")
    assert (caught.value.file, caught.value.line, caught.value.sqlstate) == ("m/1_x.sql", 2, "42703")


async def test_files_of_several_sets_with_reads_are_replayed_for_one_schema(made, admin):
    await admin.execute("CREATE SCHEMA users; CREATE TABLE users.accounts (id int PRIMARY KEY)")
    sql = (
        "CREATE TABLE {{tables.bills}} (a int REFERENCES {{tables.users.accounts}}, b int REFERENCES {{tables.shop.x}})"
    )
    catalogue = await made("CREATE TABLE {{tables.x}} (id int PRIMARY KEY)", sql, reads=["users.accounts"])
    definitions = {entry.name: dict(entry.aspects).get("definition") for entry in catalogue.entries}
    assert definitions["bills.bills_a_fkey"] == "FOREIGN KEY (a) REFERENCES users.accounts(id)"
    assert definitions["bills.bills_b_fkey"] == "FOREIGN KEY (b) REFERENCES x(id)"


async def test_two_ways_to_the_same_schema_make_equal_catalogues(made):
    long = await made(
        "CREATE TABLE t (a int)",
        "ALTER TABLE t ADD junk int, ADD b text NOT NULL DEFAULT 'x'",
        "ALTER TABLE t DROP junk; ALTER TABLE t RENAME TO u",
        "CREATE VIEW v AS SELECT a FROM u",
    )
    short = await made("CREATE TABLE u (a int, b text NOT NULL DEFAULT 'x'); CREATE VIEW v AS SELECT a FROM u")
    assert long == short
    assert long != await made("CREATE TABLE u (a int, b text DEFAULT 'x'); CREATE VIEW v AS SELECT a FROM u")
