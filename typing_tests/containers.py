"""A container, from its start to its end, and what is resolved from it."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, assert_type

from dependency_injector import providers

from poolhouse import DatabaseSettings, SchemaManager, SharedPool
from poolhouse.container import (
    Asked,
    Asking,
    BackgroundTaskCrashed,
    Container,
    LifecycleState,
    Part,
    Scope,
    StartReport,
    StepReport,
    TaskState,
    background_tasks,
    locate,
    migrating,
    migration_sets,
    on_signals,
    pools,
    run,
    run_until_stopped,
    uninterrupted,
)
from poolhouse.errors import ProviderError
from poolhouse.migrations import MigrationReport, MigrationSet
from poolhouse.pool import HandedOff
from poolhouse.roles import RoleReport


class Orders:
    def __init__(self, db: SchemaManager) -> None:
        self.db = db


class Searching(Protocol):
    def find(self, words: str) -> list[int]: ...


class OrdersContainer(Container):
    start_timeout = 5.0
    stop_timeouts: ClassVar[Mapping[str, float]] = {"pool": 1.0}

    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="orders")
    migrations = providers.Factory(MigrationSet, db, "migrations/orders")
    service = providers.Factory(Orders, db)


class Application(Container):
    pool = providers.Resource(SharedPool, DatabaseSettings())
    orders = Part(OrdersContainer, pool=pool)
    untyped = providers.Container(OrdersContainer, pool=pool)


application = Application()
orders = application.orders


async def lives() -> None:
    async with Application() as started:
        assert_type(started, Application)
    await application.init_resources()
    assert_type(application.state, LifecycleState)
    report = application.report
    assert_type(report, StartReport | None)
    if report is not None:
        assert_type(report.steps, tuple[StepReport, ...])
        assert_type(report.migrations, tuple[MigrationReport, ...])
        assert_type(report.roles, tuple[RoleReport, ...])
        assert_type(report.seconds, float)
    assert_type(application.scope(), Scope)
    assert_type([task.state for task in background_tasks(application)], list[TaskState])
    await application.shutdown_resources()


def is_judged(asking: Asking) -> None:
    assert_type(application.validate(), tuple[ProviderError, ...])
    assert_type(application.validate(asking, is_judged, files=False), tuple[ProviderError, ...])
    assert_type(asking.asked_of(application), Asked)


def has_parts() -> None:
    assert_type(application.orders, OrdersContainer)
    assert_type(Application.orders.service, providers.Factory[Orders])
    assert_type(application.orders.service(), Orders)
    assert_type(application.resolve(application.orders.service), Orders)


def resolves() -> None:
    assert_type(orders.service(), Orders)
    assert_type(orders.resolve(orders.service), Orders)
    assert_type(orders.resolve(Orders), Orders)
    assert_type(orders.resolve(Searching), Searching)
    assert_type(orders.resolver(orders.db), Callable[[], SchemaManager])
    assert_type(orders.resolver(Orders), Callable[[], Orders])
    assert_type(locate(application, Orders, place="a test"), Callable[[], Orders])
    assert_type(locate(application, "orders.service", place="a test"), Callable[[], Any])
    assert_type(pools(application), tuple[SharedPool, ...])
    assert_type(migration_sets(application), tuple[MigrationSet, ...])
    assert_type(application.untyped.container.service(), Orders)
    application.wire(modules=[__name__])
    application.unwire()
    orders.freeze()


async def serves() -> None:
    async with migrating(application) as sets:
        assert_type(sets, tuple[MigrationSet, ...])
    with uninterrupted(), on_signals(lambda: None):
        await run_until_stopped(application, started=lambda: None)


def tell(crash: BackgroundTaskCrashed) -> None:
    assert_type(crash.error, BaseException)


def tells() -> int:
    application.subscribe(BackgroundTaskCrashed, tell)
    application.unsubscribe(BackgroundTaskCrashed, tell)
    return run(serves)


# What is wrong


async def awaited_what_is_resolved_at_once() -> None:
    await orders.resolve(Orders)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def entered_at_once() -> None:
    with application:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


def mistyped() -> None:
    application.oders  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    application.orders.servise()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    Part(Orders)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    orders.resolve("service")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Application(application.pool)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    SchemaManager(application.pool(), scheme="orders")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def told_of_something_else(event: HandedOff) -> None:
    application.subscribe(BackgroundTaskCrashed, told_of_something_else)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    application.subscribe(HandedOff, told_of_something_else)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


class Waits(Container):
    start_timeout = "5 s"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


# What is wrong, and type checkers cannot know: validate() finds these before anything is opened


class Unknown(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, scheme="orders")
    service = providers.Factory(Orders, pool)
    orders = Part(OrdersContainer, pol=pool)
