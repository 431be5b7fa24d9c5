"""Containers that are made, started, used, overridden, cancelled, stopped and dropped in any order, in one process."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import suppress
from typing import Any

import asyncpg
from dependency_injector import providers
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from poolhouse.container import BackgroundTask, Container, LifecycleState, Scope, Scoped
from poolhouse.container.lifecycle import Lifecycle
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

AT_ONCE = 6
KINDS = (Lifecycle, SharedPool, BackgroundTask, Scope)


class Notes:
    def __init__(self, db: SchemaManager) -> None:
        self.db = db
        self.crash = asyncio.Event()

    async def add(self) -> None:
        await self.db.execute("INSERT INTO {{tables.notes}} VALUES (1)")

    async def count_for_ever(self) -> None:
        while True:
            await self.db.fetchval("SELECT count(*) FROM {{tables.notes}}")
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.crash.wait()
            if self.crash.is_set():
                self.crash.clear()
                raise ValueError


class Fake(Notes):
    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type] # it needs none

    async def add(self) -> None:
        await asyncio.sleep(0)


async def listening(db: SchemaManager):
    async with db.acquire() as connection:
        yield connection


async def session(db: SchemaManager):
    await db.fetchval("SELECT 1")
    yield object()
    await db.fetchval("SELECT 1")


class NotesContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    folder: providers.Dependency[Any] = providers.Dependency()
    db = providers.Factory(SchemaManager, pool, schema="notes")
    migrations = providers.Factory(MigrationSet, db, folder, module="notes")
    service = providers.Singleton(Notes, db)
    listener = providers.Resource(listening, db)
    counting = providers.Resource(BackgroundTask, service.provided.count_for_ever, restart_after=0.001)
    session = Scoped(session, db)
    unit = providers.Factory(dict, service=service, session=session)


class Application(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    folder: providers.Dependency[Any] = providers.Dependency()
    pool = providers.Resource(SharedPool, settings)
    notes = providers.Container(NotesContainer, pool=pool, folder=folder)


class Containers(RuleBasedStateMachine):
    """Does to containers whatever can be done to them; nothing of those that are dropped may be left."""

    made = 0
    dsn = ""
    application_name = ""
    pool_settings: Any = None
    folder: Any = None

    def __init__(self) -> None:
        super().__init__()
        gc.collect()
        self.before = living()
        self.runner = asyncio.Runner()
        self.containers: list[Any] = []
        self.overrides: list[tuple[Any, Any]] = []
        self.seen: list[weakref.ref[Any]] = []

    def do(self, work: Any, after: int | None = None) -> None:
        """Do something, cancelled after so many steps of the loop."""

        async def main() -> None:
            task = asyncio.ensure_future(work())
            for _ in range(after or 0):
                await asyncio.sleep(0)
            if after is not None:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        self.runner.run(main())

    def chosen(self, which: int) -> Any:
        return self.containers[which % len(self.containers)]

    @initialize()
    def make_some(self) -> None:
        for _ in range(4):
            self.make()

    @precondition(lambda self: len(self.containers) < AT_ONCE)
    @rule()
    def make(self) -> None:
        application = Application(settings=self.pool_settings, folder=self.folder)
        type(self).made += 1
        self.containers.append(application)
        self.seen += map(weakref.ref, (application, application.pool(), application.notes.service()))

    which = st.integers(0, AT_ONCE - 1)
    after = st.none() | st.integers(0, 120)

    @precondition(lambda self: self.containers)
    @rule(which=which, after=after)
    def start(self, which: int, after: int | None) -> None:
        self.do(self.chosen(which).init_resources, after)
        assert self.chosen(which).state in {LifecycleState.NEW, LifecycleState.STARTED, LifecycleState.STOPPED}

    @precondition(lambda self: self.containers)
    @rule(which=which, after=after)
    def stop(self, which: int, after: int | None) -> None:
        self.do(self.chosen(which).shutdown_resources, after)

    @precondition(lambda self: self.containers)
    @rule(which=which, after=after, times=st.integers(1, 3))
    def work(self, which: int, after: int | None, times: int) -> None:
        application = self.chosen(which)

        async def unit() -> None:
            async with application.scope() as scope:
                service = await scope.begin(application.notes.service)
                await scope.resolve(application.notes.unit)
                await service.add()

        async def units() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(times):
                    group.create_task(unit())

        if application.state is LifecycleState.STARTED:
            self.do(units, after)

    @precondition(lambda self: self.containers)
    @rule(which=which)
    def crash(self, which: int) -> None:
        application = self.chosen(which)

        async def let_crash() -> None:
            application.notes.service().crash.set()
            await asyncio.sleep(0.005)

        if application.state is LifecycleState.STARTED:
            self.do(let_crash)

    @precondition(lambda self: self.containers)
    @rule(which=which)
    def override(self, which: int) -> None:
        application = self.chosen(which)
        self.overrides.append((application, application.notes.service.override(Fake())))

    @precondition(lambda self: self.overrides)
    @rule(which=which)
    def take_back(self, which: int) -> None:
        application, _ = self.overrides.pop(which % len(self.overrides))
        application.notes.service.reset_last_overriding()

    @precondition(lambda self: self.containers)
    @rule(which=which, after=after)
    def override_for_a_block(self, which: int, after: int | None) -> None:
        application = self.chosen(which)
        kinds = {
            application.notes.listener: providers.Resource(listening, application.notes.db),
            application.notes.counting: providers.Resource(BackgroundTask, Notes.count_for_ever.__get__(Fake())),
        }

        async def block() -> None:
            for provider, replacement in kinds.items():
                async with application.overriding(provider, replacement):
                    await asyncio.sleep(0)

        # A fake has no database to count in: the task crashes, and is stopped while it waits to be restarted.
        self.do(block, after)
        assert not any(provider.overridden for provider in kinds)

    @precondition(lambda self: self.containers)
    @rule(which=which)
    def drop(self, which: int) -> None:
        application = self.chosen(which)
        self.do(application.shutdown_resources)
        self.overrides = [each for each in self.overrides if each[0] is not application]
        self.containers.remove(application)

    def teardown(self) -> None:
        while self.containers:
            self.drop(0)
        try:
            self.runner.run(self.nothing_is_left())
        finally:
            self.runner.close()
        gc.collect()
        assert [ref() for ref in self.seen if ref() is not None] == []
        # What other tests have left may die meanwhile.
        assert [kind for kind, count in living().items() if count > self.before[kind]] == []
        assert not any(each.overridden for each in declared())

    async def nothing_is_left(self) -> None:
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > 1 or await self.connections():  # noqa: ASYNC110 - the server says nothing
                await asyncio.sleep(0.001)

    async def connections(self) -> int:
        connection = await asyncpg.connect(self.dsn)
        try:
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE $1"
            found: int = await connection.fetchval(query, f"{self.application_name}%")
            return found
        finally:
            await connection.close()


def living() -> dict[type, int]:
    """Count the objects of the kinds that a container consists of."""
    counts = dict.fromkeys(KINDS, 0)
    for each in gc.get_objects():
        if type(each) in counts:
            counts[type(each)] += 1
    return counts


def declared() -> list[Any]:
    """Return the providers that the classes declare, which are copied into each container."""
    return [*Application.providers.values(), *(each for each in NotesContainer.providers.values())]
