"""Services of a started container, whose connections carry their roles."""

from __future__ import annotations

import pytest
from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.errors import DatabaseError, InsufficientPrivilegeError, MigrationApplyError, ServiceRolesError
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.pool import SharedPool
from poolhouse.roles import establish_roles
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

DECLARE = r"Declare it where the SchemaManager of 'orders' is built: reads=\[\"users.other\"\]"


class ServiceContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    name = providers.Dependency(instance_of=str)
    reads = providers.Dependency(instance_of=tuple)
    folder = providers.Dependency()
    db = providers.Factory(SchemaManager, pool, schema=name, reads=reads)
    migrations = providers.Factory(MigrationSet, db, folder)


class ApplicationContainer(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    users_folder = providers.Dependency()
    orders_folder = providers.Dependency()
    pool = providers.Resource(SharedPool, settings)
    users = providers.Container(ServiceContainer, pool=pool, name="users", reads=(), folder=users_folder)
    orders = providers.Container(
        ServiceContainer, pool=pool, name="orders", reads=("users.accounts",), folder=orders_folder
    )


@pytest.fixture(scope="session")
def server(postgres):
    """Connections carry roles in the same way on every version."""
    return postgres


@pytest.fixture
def application(bench):
    """Make an application of two services, by a login: `application("app", service_roles="off")`."""
    users = bench.write("users", a="CREATE TABLE accounts (id int PRIMARY KEY); CREATE TABLE other (id int)")
    orders = bench.write("orders", a="CREATE TABLE orders (id int PRIMARY KEY)")

    def application(login=None, **changes):
        settings = bench.settings(login, max_size=1, **changes)
        return ApplicationContainer(settings=settings, users_folder=users, orders_folder=orders)

    return application


@pytest.fixture
async def started(application):
    async with application() as started:
        yield started


async def test_each_service_works_as_its_role_on_the_same_connection(started, bench):
    for service, part in (("users", started.users), ("orders", started.orders), ("users", started.users)):
        assert await part.db().fetchval("SELECT current_user::text") == f"{bench.prefix}{service}"
    assert [(each.service, each.role) for each in started.report.roles] == [
        (service, f"{bench.prefix}{service}") for service in ("orders", "users")
    ]


async def test_a_declared_read_works(started):
    await started.users.db().execute("INSERT INTO {{tables.accounts}} VALUES (1)")
    assert await started.orders.db().fetchval("SELECT count(*) FROM {{tables.users.accounts}}") == 1


async def test_an_undeclared_read_names_service_table_and_declaration(started):
    with pytest.raises(InsufficientPrivilegeError, match=DECLARE) as caught:
        await started.orders.db().fetch("SELECT * FROM users.other")
    error = caught.value
    assert (error.service, error.schema, error.table, error.sqlstate) == ("orders", "users", "other", "42501")


@pytest.mark.parametrize(
    "sql",
    ["INSERT INTO users.accounts VALUES (1)", "DELETE FROM users.accounts", "UPDATE users.accounts SET id = 2"],
)
async def test_a_write_to_a_declared_read_says_whom_to_ask(started, sql):
    with pytest.raises(InsufficientPrivilegeError, match="asking that service") as caught:
        await started.orders.db().execute(sql)
    assert (caught.value.service, caught.value.schema, caught.value.table) == ("orders", "users", "accounts")


@pytest.mark.parametrize(
    "sql", ["ALTER TABLE users.other ADD c int", "DROP TABLE users.other", "DROP TABLE orders.orders"]
)
async def test_altering_and_dropping_is_said_to_be_a_migration_s(started, sql):
    with pytest.raises(InsufficientPrivilegeError, match="Write a migration") as caught:
        await started.orders.db().execute(sql)
    assert caught.value.table in {"other", "orders"}


async def test_in_a_transaction_a_denial_is_explained_too(started):
    with pytest.raises(InsufficientPrivilegeError, match=DECLARE):
        async with started.orders.db().transaction() as connection:
            await connection.fetch("SELECT * FROM users.other WHERE id = $1", 1)


async def test_with_off_the_code_is_trusted(application):
    async with application(service_roles="off") as started:
        assert await started.orders.db().fetch("SELECT * FROM users.other") == []
        assert started.report.roles == ()


async def test_with_too_few_rights_the_start_fails_with_the_sql_and_closes_everything(application, bench):
    role = await bench.login("app")
    await bench.admin.execute(f'GRANT CREATE ON DATABASE {bench.prefix[:-1]} TO "{role}"')
    starting = application("app")
    with pytest.raises(ServiceRolesError) as caught:
        await starting.init_resources()
    assert not starting.pool().is_open
    await bench.admin.execute(caught.value.sql)
    async with application("app", service_roles="existing") as started:
        assert await started.orders.db().fetch("SELECT * FROM users.accounts") == []


async def test_a_service_without_migrations_has_a_role_as_well(bench, application):
    class WithReports(ApplicationContainer):
        reports = providers.Factory(SchemaManager, ApplicationContainer.pool, schema="reports", reads=["users.other"])

    given = application()
    settings = given.settings()
    both = {"users_folder": given.users_folder(), "orders_folder": given.orders_folder()}
    async with WithReports(settings=settings, **both) as started:
        assert await started.reports().fetch("SELECT * FROM users.other") == []
        with pytest.raises(InsufficientPrivilegeError):
            await started.reports().fetch("SELECT * FROM orders.orders")


@pytest.mark.parametrize("mode", ["apply", "wait", "check", "skip"])
async def test_roles_are_established_whoever_migrates(application, bench, mode):
    async with application(service_roles="off"):
        pass
    async with application(migration_mode=mode) as started:
        assert [each.service for each in started.report.roles] == ["orders", "users"]
        assert await started.users.db().fetch("SELECT * FROM {{tables.accounts}}") == []


async def test_a_factory_that_is_called_with_a_tenant_s_schema_can_be_declared(bench):
    class Tenants(Container):
        pool = providers.Resource(SharedPool, bench.settings())
        tenant = providers.Factory(SchemaManager, pool, service="shop")

    await bench.admin.execute("CREATE SCHEMA t1; CREATE TABLE t1.things (id int)")
    async with Tenants() as started:
        assert started.report.roles == ()
        tenant = started.tenant(schema="t1")
        await establish_roles([tenant])
        assert await tenant.fetchval("SELECT current_user::text") == f"{bench.prefix}shop"
        assert await tenant.fetch("SELECT * FROM {{tables.things}}") == []


async def test_a_pool_that_is_not_the_container_s_to_open_is_left_alone(bench):
    class Lazy(Container):
        pool = providers.Singleton(SharedPool, bench.settings())
        db = providers.Factory(SchemaManager, pool, schema="users")

    async with Lazy() as started:
        assert started.report.roles == ()
        assert not started.pool().is_open


async def test_tenants_that_come_later_get_their_rights_when_it_is_said(bench):
    pool = await bench.pool()
    folder = bench.write("tenants", a="CREATE TABLE things (id int)")
    control = SchemaManager(pool, schema="control", service="shop")

    def tenants(*names):
        return MigrationSet(control, folder, module="tenants", schemas=names)

    await migrate([tenants("t1")])
    await establish_roles([tenants("t1")])
    result = await migrate([tenants("t1", "t2")])
    later = SchemaManager(pool, schema="t2", service="shop")
    with pytest.raises(DatabaseError):
        await later.fetch("SELECT * FROM {{tables.things}}")
    await establish_roles([tenants("t1", "t2")], migrated=result.reports)
    assert await later.fetch("SELECT * FROM {{tables.things}}") == []
    assert await bench.roles() == ["shop"]


async def test_a_failed_migration_is_told_before_any_role_is_made(bench, application):
    bench.write("orders", a="CREATE TABLE broken (")
    with pytest.raises(MigrationApplyError):
        await application().init_resources()
    assert await bench.roles() == []
