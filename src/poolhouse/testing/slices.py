"""Slices: one service of an application, started with what it needs, or without."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast, get_args, overload

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring.protocols import is_protocol
from poolhouse._core.wiring.written import read_services
from poolhouse.cli.loading import find_source, load_attribute, load_container_class
from poolhouse.cli.project import Name, find_project
from poolhouse.container import Container
from poolhouse.container.slicing import alone, part_of, service_in
from poolhouse.errors import CommandError, SettingsError, WiringError
from poolhouse.settings import ApplicationSettings, DatabaseSettings, EmbeddedSettings
from poolhouse.testing.blueprint import Blueprint
from poolhouse.testing.running import running
from poolhouse.testing.stubs import Stub, check_stand_in

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from poolhouse.cli.project import Project
    from poolhouse.testing.running import RunningTest

ContainerT = TypeVar("ContainerT", bound=Container)
PortT = TypeVar("PortT")

Extent: TypeAlias = Literal["standalone", "direct", "all"]


@dataclass(frozen=True, slots=True)
class Slice(Generic[ContainerT]):
    """A service that is started: `container` is its own, and `application` what holds it and what it needs."""

    container: ContainerT
    application: Container
    stubs: Mapping[str, Stub[Any]]
    """The stubs that stand in for services that are left out, by the names of the dependencies that they fill."""

    def stub(self, port: Callable[..., PortT]) -> Stub[PortT]:
        """Return the stub of a port, such as `slice.stub(Accounts)`; WiringError where there is none, or several."""
        found = [stub for stub in self.stubs.values() if stub.kind is port]
        if len(found) == 1:
            return found[0]
        name = getattr(port, "__qualname__", repr(port))
        there = ", ".join(f"{name} ({stub.kind.__qualname__})" for name, stub in self.stubs.items()) or "none"
        fact = f"of the port {name} there {'are several stubs' if found else 'is no stub'} in this slice"
        raise WiringError(fact, remedy=f"Take one out of slice.stubs, by the name of its dependency; it has {there}")


class SliceOf:
    """Starts slices of an application: `async with slice_of("orders") as orders`.

    A service is named as the application's container has it, or by the class of its own container, or by where that
    is ("containers.orders:OrdersContainer"). With the default `extent`, "standalone", nothing of the application is
    imported and started but that class, so that no other service can fail the test: its pool, on a database that has
    its migrations alone, and a stub for each port that it needs. With "direct" it is started with the services that it
    needs, and those with stubs; with "all" also what those need, and so on.

    `given` are stand-ins for dependencies of the service, by their names: objects that fit the port, or providers.
    What is no port and not given is an error, but for the pool and the settings. Raises WiringError and PortError with
    everything that is wrong.
    """

    def __init__(
        self,
        test: RunningTest,
        root: Path,
        *,
        application: Callable[[], Any],
        settings: Callable[[], ApplicationSettings],
    ) -> None:
        self._test = test
        self._root = root
        self._application = application
        self._settings = settings

    @overload
    def __call__(
        self, target: type[ContainerT], *, extent: Extent = "standalone", **given: Any
    ) -> AbstractAsyncContextManager[Slice[ContainerT]]: ...

    @overload
    def __call__(
        self, target: str, *, extent: Extent = "standalone", **given: Any
    ) -> AbstractAsyncContextManager[Slice[Any]]: ...

    def __call__(
        self, target: str | type[Container], *, extent: Extent = "standalone", **given: Any
    ) -> AbstractAsyncContextManager[Slice[Any]]:
        """Return the slice, to be entered."""
        if extent not in (known := get_args(Extent)):
            close = nearest(extent, known)
            remedy = f"Did you mean {close!r}?" if close else f"There are {', '.join(known)}"
            raise WiringError(f"{extent!r} is no extent of a slice", remedy=remedy)
        return self._started(target, extent, given)

    @asynccontextmanager
    async def _started(
        self, target: str | type[Container], extent: Extent, given: Mapping[str, Any]
    ) -> AsyncGenerator[Slice[Any]]:
        filling = _Filling(given, self._settings_or_none())
        name, blueprint = self._blueprint(target, extent, filling)
        filling.check(name)
        async with running(self._test, blueprint) as started:
            part: Any = getattr(started.container, name)
            yield Slice(part.container, started.container, filling.stubs)

    def _blueprint(self, target: str | type[Container], extent: Extent, filling: _Filling) -> tuple[str, Blueprint]:
        name, kind = self._named(target)
        filling.target = name
        if extent == "standalone":
            kind = kind or self._kind_of(name)
            return name, Blueprint(alone(name, kind, filling), filling.database, key=(kind, extent))
        application = self._application()
        if not (isinstance(application, type) and issubclass(application, Container)):
            fact = f"a slice with {extent} dependencies is cut out of a class of containers"
            raise WiringError(fact, remedy="Let the fixture application_container return one")
        part = part_of(application, name, is_whole=extent == "all", fill=filling)
        return name, Blueprint(filling.making(part), filling.database, key=(application, name, extent))

    def _named(self, target: str | type[Container]) -> tuple[str, type[Container] | None]:
        if isinstance(target, type):
            return _service_of(target.__name__), target
        if ":" not in target:
            return target, None
        module, _, attribute = target.partition(":")
        kind = load_attribute(find_project(self._root), Name(module, attribute, "slice_of"))
        return _service_of(attribute), cast("type[Container]", kind)

    def _kind_of(self, name: str) -> type[Container]:
        """Return the class of a service's container, without importing the application where that can be helped."""
        project = find_project(self._root)
        written = _written(project, name)
        if written is not None:
            return cast("type[Container]", load_attribute(project, written))
        return service_in(load_container_class(project), name)

    def _settings_or_none(self) -> ApplicationSettings | None:
        try:
            return self._settings()
        except (CommandError, SettingsError):
            # Not every service asks for some, and one that does is told.
            return None


class _Filling:
    """What fills the dependencies of a slice: what the test gives, stubs, and the settings."""

    def __init__(self, given: Mapping[str, Any], settings: ApplicationSettings | None) -> None:
        self.target = ""
        self.stubs: dict[str, Stub[Any]] = {}
        self.database = settings.database if settings is not None else DatabaseSettings()
        self._given = given
        self._settings = settings
        self._used: set[str] = set()
        self._open: list[str] = []
        self._known: list[str] = []

    def is_given(self, service: str, dependency: str) -> bool:
        return service == self.target and dependency in self._given

    def __call__(self, service: str, dependency: str, wanted: type | None) -> Any:
        if service == self.target:
            self._known.append(dependency)
            if dependency in self._given:
                self._used.add(dependency)
                return self._checked(dependency, wanted)
        if wanted is not None and is_protocol(wanted):
            name = dependency if service == self.target else f"{service}.{dependency}"
            stub = self.stubs[name] = Stub(wanted)
            return stub.port
        if wanted is not None and self._settings is not None and isinstance(self._settings, wanted):
            return self._settings
        self._open.append(f"{dependency} ({wanted.__qualname__ if wanted is not None else 'of no known type'})")
        return None

    def _checked(self, dependency: str, wanted: type | None) -> Any:
        given = self._given[dependency]
        if wanted is not None and is_protocol(wanted) and not hasattr(given, "override"):
            check_stand_in(given, wanted, f"what is given for {dependency}")
        return given

    def check(self, service: str) -> None:
        """Raise WiringError for what nothing fills, and for what fills nothing."""
        unknown = [name for name in self._given if name not in self._used]
        if unknown:
            fact = f"{', '.join(unknown)} is given to the slice of {service!r}, which has no such dependency"
            raise WiringError(fact, remedy=f"It has {', '.join(self._known) or 'none'}")
        if self._open:
            fact = f"the slice of {service!r} needs what there can be no stub of, since it is no Protocol: "
            remedy = f"Give it: slice_of({service!r}, {self._open[0].partition(' ')[0]}=...)"
            raise WiringError(f"{fact}{', '.join(self._open)}", remedy=remedy)

    def making(self, part: type[Container]) -> Callable[[DatabaseSettings], Container]:
        """Return what makes a container of a part of the application, for a database."""
        settings = self._settings

        def make(database: DatabaseSettings) -> Container:
            if settings is None:
                return part()
            changes: dict[str, Any] = {"database": database, "embedded": EmbeddedSettings(enabled=False)}
            return part(settings=settings.model_copy(update=changes))

        return make


def _service_of(container: str) -> str:
    """Return what a service is called whose container's class has a name such as OrdersContainer."""
    words = container.removesuffix("Container") or container
    return re.sub(r"(?<=[^A-Z_])(?=[A-Z])", "_", words).lower()


def _written(project: Project, name: str) -> Name | None:
    """Return where the class of a service's container is, as the application's module tells that is not imported."""
    file = find_source(project, project.container.module)
    if file is None:
        return None
    try:
        source = file.read_text(encoding="utf-8")
        services = read_services(source, module=project.container.module, container=project.container.attribute)
    except (SyntaxError, UnicodeDecodeError):
        # Importing it will say so.
        return None
    found = services.get(name)
    return Name(found.module, found.attribute, project.container.place) if found is not None else None
