"""How many schemas stand, asked once for all that stand alike."""

from __future__ import annotations

from collections import Counter

import pytest

from poolhouse.errors import MigrationError
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.migrations.ledger import read_ledger
from poolhouse.migrations.status import MigrationState, status
from poolhouse.schema import SchemaManager

NAMES = [f"tenant_{number}" for number in range(300)]
FILES = {"1_a.sql": "CREATE TABLE a (id int)", "2_b.sql": "SELECT 2"}


@pytest.fixture
def tenants(pool, write):
    def tenants(files, schemas=NAMES):
        return MigrationSet(SchemaManager(pool, schema="control"), write("tenants", files), schemas=schemas)

    return tenants


@pytest.fixture
def looks(monkeypatch):
    """Count looks into the ledger, which are a statement each."""
    looks = []

    async def look(*arguments):
        looks.append(arguments)
        return await read_ledger(*arguments)

    monkeypatch.setattr("poolhouse.migrations.groups.read_ledger", look)
    return looks


async def test_three_hundred_schemas_that_stand_in_two_ways_take_two_looks_into_the_ledger(tenants, looks):
    await migrate([tenants({"1_a.sql": FILES["1_a.sql"]})])
    await migrate([tenants(FILES, NAMES[:200])])
    found = await status([tenants(FILES)])
    assert [each.schema for each in found] == NAMES
    assert Counter((each.state, each.version) for each in found) == {
        (MigrationState.UP_TO_DATE, 2): 200,
        (MigrationState.PENDING, 1): 100,
    }
    assert looks == []
    found = await status([tenants({**FILES, "1_a.sql": "CREATE TABLE a (id bigint)"})])
    assert {each.state for each in found} == {MigrationState.DRIFT}
    assert [f"--schema {each.schema} " in str(each.drift[0]) for each in found] == [True] * 300
    assert len(looks) == 2


async def test_schemas_that_are_half_done_are_told_apart_though_their_heads_are_alike(tenants):
    half = "-- poolhouse: no-transaction\nCREATE TABLE {{tables.c}} (id int); TABLE {{tables.missing}}"
    await migrate([tenants(FILES, NAMES[:3])])
    for schema, file in (("tenant_0", "3_c.sql"), ("tenant_1", "4_d.sql")):
        with pytest.raises(MigrationError, match=file):
            await tenants({**FILES, file: half}, NAMES[:3]).for_schema(schema).apply()
    found = await status([tenants({**FILES, "3_c.sql": half, "4_d.sql": half}, NAMES[:3])])
    assert [(each.state, each.half_done) for each in found] == [
        (MigrationState.HALF_DONE, "3_c.sql"),
        (MigrationState.DRIFT, None),
        (MigrationState.PENDING, None),
    ]
