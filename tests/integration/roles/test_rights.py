"""What a service's role may do once it is established, and what not."""

from __future__ import annotations

import pytest

from poolhouse.migrations import MigrationSet, migrate
from poolhouse.roles import establish_roles
from poolhouse.schema import SchemaManager

ROUTINE = (
    "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2'; REVOKE EXECUTE ON FUNCTION two FROM PUBLIC;"
    "CREATE VIEW names AS SELECT name FROM accounts;"
)
OWN = [
    "INSERT INTO users.accounts (name) VALUES ('a') RETURNING id",
    "UPDATE users.accounts SET name = 'b'",
    "DELETE FROM users.accounts",
    "SELECT * FROM users.accounts FOR UPDATE",
    "SELECT nextval('users.accounts_id_seq')",
    "SELECT * FROM users.names",
    "SELECT users.two()",
]
FOREIGN = [
    "SELECT * FROM orders.orders",
    "INSERT INTO orders.orders (note) VALUES ('a')",
    "UPDATE orders.orders SET note = 'b'",
    "DELETE FROM orders.orders",
    "TRUNCATE orders.orders",
    "ALTER TABLE orders.orders ADD COLUMN c int",
    "DROP TABLE orders.orders",
    "DROP SCHEMA orders CASCADE",
    "CREATE TABLE orders.t (id int)",
    "SELECT nextval('orders.orders_id_seq')",
    "SELECT * FROM poolhouse.head",
]
OWN_DDL = [
    "TRUNCATE users.accounts",
    "ALTER TABLE users.accounts ADD COLUMN c int",
    "DROP TABLE users.accounts",
    "CREATE TABLE users.t (id int)",
    "CREATE SCHEMA t",
    "COMMENT ON TABLE users.accounts IS 'a'",
]


@pytest.fixture
async def established(bench):
    pool = await bench.pool()
    sets = [bench.users(pool, routine=ROUTINE), bench.orders(pool, reads=("users.accounts",))]
    await migrate(sets)
    await establish_roles(sets)
    return bench


async def test_a_service_works_with_all_that_is_its_own(established):
    assert [sql for sql in OWN if await established.is_denied("users", sql)] == []


async def test_a_service_gets_at_nothing_of_another(established):
    assert [sql for sql in FOREIGN if not await established.is_denied("users", sql)] == []


async def test_a_service_alters_and_drops_nothing_not_even_its_own(established):
    assert [sql for sql in OWN_DDL if not await established.is_denied("users", sql)] == []


async def test_a_declared_read_works_and_a_write_to_it_fails(established):
    assert not await established.is_denied("orders", "SELECT * FROM users.accounts")
    assert await established.is_denied("orders", "SELECT * FROM users.names")
    for sql in OWN[:5]:
        assert await established.is_denied("orders", sql), sql


async def test_migrations_still_own_everything_and_later_tables_need_no_further_work(established):
    pool = await established.pool()
    later = "CREATE TABLE later (id serial); CREATE FUNCTION three() RETURNS int LANGUAGE sql AS 'SELECT 3';"
    await migrate(
        [established.users(pool, routine=ROUTINE, later=later + "REVOKE EXECUTE ON FUNCTION three FROM PUBLIC")]
    )
    assert not await established.is_denied("users", "INSERT INTO users.later DEFAULT VALUES")
    assert not await established.is_denied("users", "SELECT users.three()")
    assert await established.is_denied("orders", "SELECT * FROM users.later")


async def test_the_pool_learns_the_roles_and_what_was_done_is_reported_once(bench):
    pool = await bench.pool()
    sets = [bench.users(pool), bench.orders(pool)]
    await migrate(sets)
    first = await establish_roles(sets)
    assert {each.service: each.role for each in first} == dict(pool.roles)
    assert dict(pool.roles) == {name: f"{bench.prefix}{name}" for name in ("orders", "users")}
    assert all(each.statements for each in first)
    assert [each.statements for each in await establish_roles(sets)] == [(), ()]


async def test_a_read_that_is_not_declared_any_more_is_taken_back(bench):
    pool = await bench.pool()
    sets = [bench.users(pool), bench.orders(pool, reads=("users.accounts",))]
    await migrate(sets)
    await establish_roles(sets)
    fewer = [sets[0], bench.orders(pool)]
    await establish_roles(fewer)
    assert not await bench.is_denied("orders", "SELECT * FROM users.accounts")
    await establish_roles(fewer, revoke=True)
    assert await bench.is_denied("orders", "SELECT * FROM users.accounts")
    assert [each.statements for each in await establish_roles(fewer, revoke=True)] == [(), ()]


async def test_rights_on_another_service_that_nobody_declared_are_taken_back(bench):
    pool = await bench.pool()
    sets = [bench.users(pool), bench.orders(pool, reads=("users.accounts",))]
    await migrate(sets)
    await establish_roles(sets)
    role = f'"{bench.prefix}orders"'
    await bench.admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA users TO {role}")
    await bench.admin.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA users TO {role}")
    await establish_roles(sets, revoke=True)
    assert await bench.is_denied("orders", "DELETE FROM users.accounts")
    assert await bench.is_denied("orders", "SELECT nextval('users.accounts_id_seq')")
    assert not await bench.is_denied("orders", "SELECT * FROM users.accounts")
    assert not await bench.is_denied("users", "DELETE FROM users.accounts")


async def test_what_is_left_of_schemas_that_nobody_knows_is_none_of_its_business(bench):
    pool = await bench.pool()
    sets = [bench.users(pool)]
    await migrate(sets)
    await establish_roles(sets)
    await bench.admin.execute(f'CREATE SCHEMA x; CREATE TABLE x.t (id int); GRANT ALL ON x.t TO "{bench.prefix}users"')
    assert [each.statements for each in await establish_roles(sets, revoke=True)] == [()]


async def test_a_schema_and_a_read_that_do_not_exist_are_warned_of(bench, caplog):
    pool = await bench.pool()
    db = SchemaManager(pool, schema="later", reads=["users.acounts"])
    await establish_roles([db])
    assert "has no rights to later, which does not exist" in caplog.text
    assert "users.acounts" in caplog.text
    assert await bench.roles() == ["later"]


async def test_names_that_need_quotes_are_quoted(bench):
    pool = await bench.pool()
    folder = bench.write("odd", odd='CREATE TABLE {{tables."My ""table"}} (id serial, "N" int)')
    odd = MigrationSet(SchemaManager(pool, schema='od"d Ünits'), folder, module="odd")
    await odd.apply()
    await establish_roles([odd])
    assert not await bench.is_denied('od""d Ünits', 'DELETE FROM "od""d Ünits"."My ""table"')


async def test_the_ledger_has_no_role(bench):
    pool = await bench.pool()
    assert await establish_roles([SchemaManager(pool, schema="poolhouse")]) == ()


async def test_a_role_that_an_extension_s_objects_refuse_still_gets_the_others(bench):
    await bench.login("owner", "CREATEROLE")
    await bench.admin.execute(f'GRANT CREATE ON DATABASE {bench.prefix[:-1]} TO "{bench.prefix}owner"')
    pool = await bench.pool("owner")
    sets = [bench.users(pool)]
    await migrate(sets)
    await bench.admin.execute("CREATE EXTENSION IF NOT EXISTS plpgsql; CREATE TABLE users.part (id int)")
    await bench.admin.execute("ALTER EXTENSION plpgsql ADD TABLE users.part")
    await establish_roles(sets)
    assert not await bench.is_denied("users", "DELETE FROM users.accounts")


async def test_many_schemas_of_one_service_are_asked_about_in_one_statement(bench):
    pool = await bench.pool()
    folder = bench.write("tenants", a="CREATE TABLE {{tables.things}} (id serial)")
    names = [f"tenant_{number}" for number in range(60)]
    tenants = MigrationSet(SchemaManager(pool, schema="control"), folder, module="tenants", schemas=names)
    result = await migrate([tenants])
    (first,) = await establish_roles([tenants], migrated=result.reports)
    assert len(first.statements) < 15
    before = pool.statistics().services["poolhouse"].acquired
    (again,) = await establish_roles([tenants], migrated=result.reports, revoke=True)
    assert again.statements == ()
    assert pool.statistics().services["poolhouse"].acquired - before == 1
    assert not await bench.is_denied("control", "DELETE FROM tenant_59.things")


async def test_a_query_of_schemas_is_asked_where_no_report_tells_them(bench):
    pool = await bench.pool()
    folder = bench.write("tenants", a="CREATE TABLE {{tables.things}} (id int)")
    query = "SELECT name FROM unnest(ARRAY['t1', 't2']) AS t (name)"
    tenants = MigrationSet(SchemaManager(pool, schema="control"), folder, module="tenants", schemas=query)
    await migrate([tenants])
    await establish_roles([tenants])
    assert not await bench.is_denied("control", "DELETE FROM t2.things")


async def test_more_than_a_transaction_should_lock_is_done_in_several(bench, monkeypatch):
    monkeypatch.setattr("poolhouse.roles.establishing._LARGEST", 3)
    pool = await bench.pool()
    sets = [bench.users(pool), bench.orders(pool, reads=("users.accounts",))]
    await migrate(sets)
    assert all(each.statements for each in await establish_roles(sets))
    assert not await bench.is_denied("orders", "SELECT * FROM users.accounts")
    assert [each.statements for each in await establish_roles(sets, revoke=True)] == [(), ()]
