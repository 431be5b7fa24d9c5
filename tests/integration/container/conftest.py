"""An application of every kind of resource, a means to break into it, and a look at what it leaves behind."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from dependency_injector import providers, resources
from pydantic import SecretStr

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from poolhouse.testing.databases import role_prefix

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
    from pathlib import Path


class Journal:
    """What the resources of an application did, in order; raises where a test wants it."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.faults: dict[str, BaseException] = {}
        self.reached: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def note(self, entry: str) -> None:
        self.entries.append(entry)
        self.reached[entry].set()
        if entry in self.faults:
            raise self.faults[entry]

    def taken(self, prefix: str) -> list[str]:
        return [entry.removeprefix(prefix) for entry in self.entries if entry.startswith(prefix)]


class Server:
    """A handle with a DSN, as the embedded server is; the server behind it runs all the time."""

    def __init__(self, dsn: str, journal: Journal) -> None:
        self._dsn = dsn
        self._journal = journal
        self.dsn: str | None = None

    async def open(self) -> None:
        await asyncio.sleep(0)
        self._journal.note("open server")
        self.dsn = self._dsn

    async def close(self) -> None:
        self.dsn = None
        await asyncio.sleep(0)
        self._journal.note("close server")


class Worker:
    """A handle that keeps a connection busy in a task of its own."""

    def __init__(self, db: SchemaManager, journal: Journal) -> None:
        self._db = db
        self._journal = journal
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        standing = asyncio.Event()
        self._task = asyncio.create_task(self._work(standing))
        try:
            await standing.wait()
            self._journal.note("open worker")
        except BaseException:
            await self._end()
            raise

    async def _work(self, standing: asyncio.Event) -> None:
        async with self._db.acquire():
            standing.set()
            await asyncio.Event().wait()

    async def close(self) -> None:
        await self._end()
        self._journal.note("close worker")

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))


async def listening(db: SchemaManager, journal: Journal) -> AsyncGenerator[str]:
    async with db.acquire() as connection:
        await connection.fetchval("SELECT 1")
        journal.note("open listening")
        yield "listening"
        await connection.fetchval("SELECT 1")
    journal.note("close listening")


def counting(journal: Journal) -> Generator[str]:
    journal.note("open counting")
    yield "counting"
    journal.note("close counting")


def plain(journal: Journal) -> str:
    journal.note("open plain")
    return "plain"


class Cache(resources.AsyncResource[str]):
    async def init(self, db: SchemaManager, journal: Journal) -> str:
        await db.fetchval("SELECT count(*) FROM {{tables.account}}")
        journal.note("open cache")
        return "cache"

    async def shutdown(self, resource: str | None) -> None:  # noqa: ARG002 - as it is declared
        await asyncio.sleep(0)
        self.args[1].note("close cache")


class Users:
    def __init__(self, db: SchemaManager) -> None:
        self.db = db

    async def count(self) -> int:
        found = await self.db.fetchval("SELECT count(*) FROM {{tables.account}}")
        assert isinstance(found, int)
        return found


class UsersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    journal = providers.Dependency(instance_of=Journal)
    folder: providers.Dependency[Path] = providers.Dependency()
    db = providers.Factory(SchemaManager, pool, schema="users")
    migrations = providers.Factory(MigrationSet, db, folder)
    service = providers.Factory(Users, db)
    listening = providers.Resource(listening, db, journal)
    counting = providers.Resource(counting, journal)
    plain = providers.Resource(plain, journal)
    cache = providers.Resource(Cache, db, journal)
    worker = providers.Resource(Worker, db, journal)


class ApplicationContainer(Container):
    journal = providers.Dependency(instance_of=Journal)
    settings = providers.Dependency(instance_of=DatabaseSettings)
    dsn = providers.Dependency(instance_of=str)
    folder: providers.Dependency[Path] = providers.Dependency()
    server = providers.Resource(Server, dsn, journal)
    pool = providers.Resource(SharedPool, settings, server=server)
    users = providers.Container(UsersContainer, pool=pool, journal=journal, folder=folder)


class Bench:
    """Builds applications on the test's database, and looks at what they leave on the server."""

    def __init__(self, dsn: str, folder: Path, observer: asyncpg.Connection[Any]) -> None:
        self.dsn = dsn
        self.folder = folder
        self.journal = Journal()
        self.name = f"bench-{uuid.uuid4().hex}"
        self._observer = observer
        self._own = asyncio.all_tasks()

    def settings(self, **changes: Any) -> DatabaseSettings:
        given = {"role_prefix": role_prefix(self.dsn), "service_roles": "off", **changes}
        return DatabaseSettings(
            application_name=self.name, min_size=1, max_size=4, startup_timeout=5, drain_timeout=2, **given
        )

    def application(self, kind: type[Container] = ApplicationContainer, **changes: Any) -> Any:
        wanted: dict[str, Any] = {"settings": self.settings(), "journal": self.journal, "dsn": self.dsn}
        return kind(**{**wanted, "folder": self.folder, **changes})

    def with_dsn(self) -> DatabaseSettings:
        return self.settings(dsn=SecretStr(self.dsn))

    async def connections(self) -> int:
        found = await self._observer.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, $1)", self.name
        )
        assert isinstance(found, int)
        return found

    def tasks(self) -> set[asyncio.Task[Any]]:
        current = asyncio.current_task()
        return {task for task in asyncio.all_tasks() if task not in self._own and task is not current}

    async def is_clean(self) -> None:
        """Fail unless no connection and no task is left; ending a connection takes the server a moment."""
        async with asyncio.timeout(5):
            while self.tasks() or await self.connections():  # noqa: ASYNC110 - the server sends no event
                await asyncio.sleep(0.0005)

    async def forget_migrations(self) -> None:
        await self._observer.execute("DROP SCHEMA IF EXISTS users CASCADE; DROP SCHEMA IF EXISTS poolhouse CASCADE")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_account.sql").write_text("CREATE TABLE {{tables.account}} (id int);")
    (tmp_path / "0002_name.sql").write_text("ALTER TABLE {{tables.account}} ADD COLUMN name text;")
    return tmp_path


@pytest.fixture
async def bench(database: str, folder: Path) -> AsyncIterator[Bench]:
    observer = await asyncpg.connect(database)
    yield Bench(database, folder, observer)
    await observer.close()


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that says when it takes a step."""

    def __init__(self, inner: Coroutine[Any, Any, Any], on_step: Callable[[], None]) -> None:
        self._inner = inner
        self._on_step = on_step

    def send(self, value: Any) -> Any:
        self._on_step()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        self._on_step()
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


class Disturbance:
    """Cancels work at the n-th step that any task of the event loop takes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._own: asyncio.Task[Any] | None = None
        self._steps = 0
        self._at: dict[int, Callable[[], Any]] = {}
        self.has_hit = False

    def count_step(self) -> None:
        self._steps += 1
        act = self._at.get(self._steps)
        if act is not None:
            # Not from within the step: no task is cancelled while it runs, but before or after.
            self._loop.call_soon(self._disturb, act)

    def _disturb(self, act: Callable[[], Any]) -> None:
        self.has_hit = bool(act()) or self.has_hit

    async def cancel(
        self, work: Callable[[], Awaitable[None]], *, at: tuple[int, ...], all_tasks: bool = False
    ) -> BaseException | None:
        """Do `work`, cancel it after each of the steps `at`, and return how it ended; None where it came too late."""

        is_done = False

        async def doing() -> None:
            nonlocal is_done
            await work()
            is_done = True

        self._own = asyncio.current_task()
        task = asyncio.create_task(doing())
        self._steps = 0
        self.has_hit = False
        self._at = dict.fromkeys(at, self._cancel_all if all_tasks else task.cancel)
        await asyncio.wait((task,))
        self._at = {}
        if is_done or not self.has_hit:
            return None
        try:
            task.result()
        except asyncio.CancelledError as error:
            return error
        except BaseExceptionGroup as group:
            # When everything is cancelled at once, so is the closing of things.
            if all_tasks:
                return group
            raise
        raise AssertionError("the cancellation was lost")

    def _cancel_all(self) -> bool:
        others = [task for task in asyncio.all_tasks(self._loop) if task is not self._own]
        return any(list(map(asyncio.Task.cancel, others)))


@pytest.fixture
async def disturbance() -> AsyncIterator[Disturbance]:
    disturbance = Disturbance()
    loop = asyncio.get_running_loop()

    def stepping(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Stepped(work, disturbance.count_step), loop=loop, **options)

    loop.set_task_factory(stepping)
    yield disturbance
    loop.set_task_factory(None)
