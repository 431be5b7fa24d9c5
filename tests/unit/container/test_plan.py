from __future__ import annotations

from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.container.plan import plan_start
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


def names(resources):
    return [resource.name for resource in resources]


def users_on(pool, folder, handle):
    class Users(Container):
        own_pool = providers.Dependency()
        early = providers.Resource(handle, "early")
        db = providers.Factory(SchemaManager, own_pool, schema="users")
        listener = providers.Resource(handle, "listener", db)
        migrations = providers.Factory(MigrationSet, db, folder)

    return providers.Container(Users, own_pool=pool)


def test_what_needs_a_pool_comes_after_the_migrations_and_all_else_before(tmp_path, handle):
    class Application(Container):
        pool = providers.Resource(SharedPool, providers.Object(DatabaseSettings()))
        users = users_on(pool, tmp_path, handle)
        last = providers.Resource(handle, "last")

    application = Application()
    plan = plan_start(application)
    assert names(plan.before) == ["pool", "users.early", "last"]
    assert [(each.db.schema, each.db.pool) for each in plan.migrations] == [("users", application.pool())]
    assert names(plan.after) == ["users.listener"]


def test_what_migrations_need_comes_before_them_though_it_needs_another_pool(tmp_path, handle):
    class Application(Container):
        admin = providers.Resource(SharedPool, providers.Object(DatabaseSettings()))
        tenant = providers.Resource(handle, "tenant", admin)
        pool = providers.Resource(SharedPool, providers.Object(DatabaseSettings()), server=tenant)
        users = users_on(pool, tmp_path, handle)

    plan = plan_start(Application())
    assert names(plan.before) == ["admin", "tenant", "pool", "users.early"]
    assert names(plan.after) == ["users.listener"]


def test_migration_sets_come_once_and_in_the_order_in_which_their_services_need_each_other(tmp_path, handle):
    class Orders(Container):
        own_pool = providers.Dependency()
        users = providers.Dependency()
        db = providers.Factory(SchemaManager, own_pool, schema="orders")
        migrations = providers.Singleton(MigrationSet, db, tmp_path, module=users)
        alias = migrations

    class Application(Container):
        late = providers.Dependency()
        pool = providers.Object(SharedPool(DatabaseSettings()))
        orders = providers.Container(Orders, own_pool=pool, users=late)
        users = users_on(pool, tmp_path, handle)

    application = Application(late=None)
    application.late.override(application.users.migrations.provided.module)
    assert [each.db.schema for each in plan_start(application).migrations] == ["users", "orders"]
