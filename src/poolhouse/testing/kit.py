"""What a process has for its tests: a server, databases on it, and a loop to work on them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from poolhouse.testing.application import blueprint_of
from poolhouse.testing.databases import Databases, database_of, role_prefix
from poolhouse.testing.templates import Templates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

    from poolhouse._core.savepoints import Constraints
    from poolhouse.container import Container
    from poolhouse.settings import ApplicationSettings
    from poolhouse.testing.background_loop import BackgroundLoop
    from poolhouse.testing.blueprint import Blueprint, Subject

T = TypeVar("T")


@dataclass(slots=True)
class Ground:
    """A migrated database for containers of one blueprint; `constraints` once they were read."""

    blueprint: Blueprint
    subject: Subject
    dsn: str
    constraints: Constraints | None = None

    def container(self) -> Container:
        """Return a container on it, which is not started."""
        return self.blueprint.migrated(self.dsn, self.subject.roles, self.subject.role_prefix)


class Kit:
    """The databases of one process, made when a test first asks for them, and dropped when the process ends.

    All who ask for the same migrations share a database, in which nothing is ever committed by a test; or have one of
    their own, for as long as they need it.
    """

    def __init__(self, dsn: str, loop: BackgroundLoop) -> None:
        self.loop = loop
        self._databases = Databases(dsn)
        self._templates = Templates(self._databases)
        self._blueprints: list[tuple[Callable[..., Container], ApplicationSettings, Blueprint]] = []
        self._subjects: dict[object, Subject] = {}
        self._shared: dict[str, Ground] = {}
        self._turn = asyncio.Lock()

    def __enter__(self) -> Self:
        self.loop.run(self._databases.open())
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.run(self._close())

    async def _close(self) -> None:
        for ground in self._shared.values():
            await self._databases.drop(database_of(ground.dsn))
        await self._databases.close()

    async def work(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the kit's own loop, for a caller in any."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop.loop))

    def blueprint(self, make: Callable[..., Container], settings: ApplicationSettings) -> Blueprint:
        """Return how to make the application of `make` with `settings`: the same for what is equal."""
        for known_make, known_settings, blueprint in self._blueprints:
            if known_make is make and known_settings == settings:
                return blueprint
        blueprint = blueprint_of(make, settings)
        self._blueprints.append((make, settings, blueprint))
        return blueprint

    def subject(self, blueprint: Blueprint) -> Subject:
        """Return what containers of a blueprint do to a database; its files are read once in a process."""
        key = blueprint if blueprint.key is None else blueprint.key
        if key not in self._subjects:
            self._subjects[key] = blueprint.read()
        return self._subjects[key]

    async def shared(self, blueprint: Blueprint) -> Ground:
        """Return the database that is shared by all who ask for the same migrations, and commit nothing."""
        subject = self.subject(blueprint)
        dsn = await self.work(self._dsn_of(blueprint, subject))
        known = self._shared[subject.digest]
        return known if known.blueprint is blueprint else Ground(blueprint, subject, dsn, known.constraints)

    async def _dsn_of(self, blueprint: Blueprint, subject: Subject) -> str:
        async with self._turn:
            if subject.digest not in self._shared:
                dsn = await self._templates.clone(blueprint, subject)
                self._shared[subject.digest] = Ground(blueprint, subject, dsn)
            return self._shared[subject.digest].dsn

    @asynccontextmanager
    async def own(self, blueprint: Blueprint) -> AsyncGenerator[Ground]:
        """Give a database that nobody else uses, for the time of a block."""
        subject = self.subject(blueprint)
        dsn = await self.work(self._templates.clone(blueprint, subject))
        try:
            yield Ground(blueprint, subject, dsn)
        finally:
            await self.work(self._databases.drop(database_of(dsn)))

    @contextmanager
    def empty(self) -> Generator[str]:
        """Give an empty database for the time of a block; it is dropped with the roles of services that work in it."""
        dsn = self.loop.run(self._databases.create())
        try:
            yield dsn
        finally:
            self.loop.run(self._databases.drop(database_of(dsn), roles=role_prefix(dsn)))
