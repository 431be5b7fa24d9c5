"""Schemas of services with roles against their migrations: what the roles are given is expected, and no more."""

from __future__ import annotations

import pytest

from poolhouse.migrations import MigrationSet, migrate
from poolhouse.migrations.catalogue import verify
from poolhouse.migrations.catalogue.many import verify_all
from poolhouse.roles import establish_roles, expected_rights
from poolhouse.schema import SchemaManager

DOUBLE = "CREATE FUNCTION {{tables.double}}(int) RETURNS int LANGUAGE sql RETURN 2 * $1;"
HIDDEN = (
    "CREATE FUNCTION {{tables.hidden}}() RETURNS int LANGUAGE sql RETURN 1;"
    "REVOKE ALL ON FUNCTION {{tables.hidden}} FROM PUBLIC;"
)


class Shop:
    """Two services, of which one reads a table of the other, with their roles."""

    def __init__(self, bench, pool):
        self.bench, self.pool = bench, pool

    def sets(self, **files):
        return self.bench.users(self.pool, **files), self.bench.orders(self.pool, reads=("users.accounts",))

    async def start(self, **files):
        sets = self.sets(**files)
        await migrate(sets)
        await establish_roles(sets, revoke=True)
        return sets

    async def told(self, sets):
        """Return what is told of the schema of users."""
        rights = await expected_rights(self.pool, sets)
        return [str(each) for each in (await verify(sets[0], rights=rights)).differences]

    def role(self, service):
        return f"{self.bench.prefix}{service}"

    async def run(self, sql):
        await self.bench.admin.execute(sql.format(users=self.role("users"), orders=self.role("orders")))


@pytest.fixture
async def shop(bench):
    return Shop(bench, await bench.pool())


async def test_what_roles_were_given_is_as_it_should_be(shop):
    sets = await shop.start(double=DOUBLE, hidden=HIDDEN)
    rights = await expected_rights(shop.pool, sets)
    assert [(await verify(each, rights=rights)).differences for each in sets] == [(), ()]


async def test_it_makes_no_difference_whether_migrations_ran_before_roles_were_given_rights(shop):
    await shop.start(double=DOUBLE)
    more = "CREATE TABLE {{tables.more}} (id serial);"
    sets = await shop.start(double=DOUBLE, more=more, twice=DOUBLE.replace("double", "twice"), hidden=HIDDEN)
    assert await shop.told(sets) == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "REVOKE INSERT ON users.accounts FROM {users}",
            "table accounts: grants to {users} DELETE, SELECT, UPDATE, expected DELETE, INSERT, SELECT, UPDATE",
        ),
        ("REVOKE USAGE ON SCHEMA users FROM {users}", "schema: grants to {users} none, expected USAGE"),
        ("REVOKE SELECT ON users.accounts FROM {orders}", "table accounts: grants to {orders} none, expected SELECT"),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA users REVOKE ALL ON ROUTINES FROM {users}",
            "schema: default grants on functions of the owner to {users} none, expected EXECUTE",
        ),
        (
            "GRANT SELECT, DELETE ON users.accounts TO {orders}",
            "table accounts: grants to {orders} DELETE, SELECT, expected SELECT",
        ),
        ("GRANT CREATE ON SCHEMA users TO {users}", "schema: grants to {users} CREATE, USAGE, expected USAGE"),
    ],
)
async def test_a_right_that_is_missing_and_one_too_many_are_told(shop, sql, told):
    sets = await shop.start()
    await shop.run(sql)
    assert await shop.told(sets) == [told.format(users=shop.role("users"), orders=shop.role("orders"))]


async def test_rights_of_a_stranger_are_told(shop):
    sets = await shop.start()
    name = await shop.bench.login("report")
    await shop.run(f"GRANT SELECT ON users.accounts TO {name}")
    assert await shop.told(sets) == [f"table accounts: grants to {name} SELECT, expected none"]


async def test_a_role_that_is_not_there_is_told_once_and_not_made(shop):
    sets = shop.sets()
    await migrate(sets)
    assert await shop.told(sets) == [f"role {shop.role('orders')}: missing", f"role {shop.role('users')}: missing"]
    assert await shop.bench.roles() == []


async def test_what_a_migration_gives_a_role_that_declares_nothing_of_it_is_not_expected(shop):
    sets = await shop.start()
    reads = f"GRANT SELECT ON {{{{tables.accounts}}}} TO {shop.role('payments')};"
    payments = SchemaManager(shop.pool, schema="payments")
    await shop.bench.admin.execute(f"CREATE SCHEMA payments; CREATE ROLE {shop.role('payments')}")
    sets = shop.sets(reads=reads)
    await migrate(sets)
    await establish_roles([*sets, payments], revoke=True)
    assert await shop.told([*sets, payments]) == []


async def test_schemas_of_tenants_are_compared_with_their_rights_by_one_replay(shop):
    folder = shop.bench.write("tenants", notes="CREATE TABLE {{tables.notes}} (id serial);")
    names = ["tenant_1", "tenant_2", "tenant_3"]
    tenants = MigrationSet(SchemaManager(shop.pool, schema="tenants"), folder, schemas=names)
    await migrate([tenants])
    await establish_roles([tenants])
    await shop.bench.admin.execute(f"REVOKE UPDATE ON tenant_2.notes FROM {shop.role('tenants')}")
    found = await verify_all([tenants], names, rights=await expected_rights(shop.pool, [tenants]))
    assert [(each.schema, each.is_clean) for each in found] == [
        ("tenant_1", True),
        ("tenant_2", False),
        ("tenant_3", True),
    ]


async def test_the_login_of_migrations_compares_what_is_its_own(bench):
    owner = await bench.login("owner", "CREATEROLE")
    app = await bench.login("app")
    await bench.admin.execute(f'GRANT CREATE ON DATABASE "{bench.prefix[:-1]}" TO "{owner}"')
    pool = await bench.pool("app", migration_dsn=bench.dsn_of("owner"))
    shop = Shop(bench, pool)
    sets = await shop.start()
    assert await shop.told(sets) == []
    await bench.admin.execute(f'GRANT SELECT ON users.accounts TO "{app}"')
    assert await shop.told(sets) == [f"table accounts: grants to {app} SELECT, expected none"]


async def test_it_makes_no_difference_that_somebody_else_owns_the_schema(shop):
    sets = await shop.start()
    owner = await shop.bench.login("owner")
    await shop.run(f"ALTER SCHEMA users OWNER TO {owner}")
    await establish_roles(sets, revoke=True)
    assert await shop.told(sets) == []
