"""What a set of many schemas needs to be started: hardly any right, no write."""

from __future__ import annotations

from poolhouse.migrations import MigrationSet, migrate
from poolhouse.schema import SchemaManager

NAMES = [f"tenant_{number}" for number in range(12)]


async def test_the_right_to_read_the_head_is_enough_where_nothing_is_pending(pool, pool_of_role, role, admin, write):
    folder = write("tenants", {"1_a.sql": "CREATE TABLE a (id int)"})
    await migrate([MigrationSet(SchemaManager(pool, schema="control"), folder, schemas=NAMES)])
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    await pool_of_role.close()
    await pool_of_role.open()
    result = await migrate([MigrationSet(SchemaManager(pool_of_role, schema="control"), folder, schemas=NAMES)])
    assert {report.version for report in result.reports} == {1}


async def test_the_right_to_create_schemas_is_enough_to_make_all(database, pool_of_role, role, admin, write):
    name = await admin.fetchval("SELECT quote_ident(current_database())")
    await admin.execute(f"GRANT CREATE ON DATABASE {name} TO {role}")
    folder = write("tenants", {"1_a.sql": "CREATE TABLE a (id int)"})
    result = await migrate([MigrationSet(SchemaManager(pool_of_role, schema="control"), folder, schemas=NAMES)])
    assert result.applied == 12
