"""Containers, and what they resolve."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol, assert_type

from dependency_injector import providers

from poolhouse import ApplicationSettings, MigrationSet, SchemaManager, SharedPool
from poolhouse.container import (
    BackgroundTask,
    BackgroundTaskCrashed,
    Container,
    LifecycleState,
    Scope,
    StartReport,
    background_tasks,
    locate,
    migrating,
    migration_sets,
    pools,
)
from poolhouse.errors import ProviderError


class Accounts(Protocol):
    async def exists(self, user_id: int) -> bool: ...


class Users:
    def __init__(self, db: SchemaManager) -> None: ...

    async def exists(self, user_id: int) -> bool:
        return user_id > 0

    async def tidy(self) -> None: ...


class Orders:
    def __init__(self, db: SchemaManager, users: Accounts) -> None: ...


async def connect() -> AsyncIterator[str]:
    yield "connection"


class UsersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="users")
    migrations = providers.Factory(MigrationSet, db, "migrations/users")
    service = providers.Factory(Users, db)
    tidying = providers.Resource(BackgroundTask, service.provided.tidy)


class ApplicationContainer(Container):
    settings = providers.Singleton(ApplicationSettings)
    pool = providers.Resource(SharedPool, settings.provided.database)
    connection = providers.Resource(connect)
    users = providers.Container(UsersContainer, pool=pool)
    db = providers.Factory(SchemaManager, pool, schema="orders")
    orders = providers.Factory(Orders, db, users.service)


application = ApplicationContainer(settings=ApplicationSettings())
part = UsersContainer()

# By class and by provider; a provider of a container in a container is known by its class.
assert_type(application.resolve(Orders), Orders)
assert_type(application.resolve(Users), Users)
assert_type(application.resolver(Orders), Callable[[], Orders])
assert_type(application.resolver(application.orders), Callable[[], Orders])
assert_type(application.resolver(application.orders)(), Orders)
assert_type(application.resolve(application.settings), ApplicationSettings)
assert_type(application.resolve(application.pool), SharedPool)
assert_type(part.resolve(part.db), SchemaManager)
assert_type(part.resolve(part.migrations), MigrationSet)
assert_type(part.service(), Users)

assert_type(application.state, LifecycleState)
assert_type(application.report, StartReport | None)
assert_type(application.validate(), tuple[ProviderError, ...])
assert_type(application.freeze(), None)
assert_type(locate(application, "users.service", place="here"), Callable[[], Any])
assert_type(pools(application), tuple[SharedPool, ...])
assert_type(migration_sets(application), tuple[MigrationSet, ...])
assert_type(background_tasks(application), tuple[BackgroundTask, ...])


def crashed(crash: BackgroundTaskCrashed) -> None:
    assert_type(crash.name, str)


application.subscribe(BackgroundTaskCrashed, crashed)


async def use() -> None:
    async with ApplicationContainer() as started:
        assert_type(started, ApplicationContainer)
        async with started.overriding(started.orders, providers.Factory(Orders, started.db, users=None)) as nothing:
            assert_type(nothing, None)
        async with started.scope() as scope:
            assert_type(scope, Scope)
            assert_type(await scope.resolve(Orders), Orders)
        async with migrating(started) as sets:
            assert_type(sets, tuple[MigrationSet, ...])


def all_of_a_kind(container: ApplicationContainer) -> Iterator[Orders]:
    resolve = container.resolver(Orders)
    while True:
        yield resolve()
