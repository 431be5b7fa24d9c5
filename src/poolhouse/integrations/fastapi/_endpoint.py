"""Endpoints, and the dependencies of endpoints, with what they ask for filled in from a container."""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin

from fastapi.params import Depends

from poolhouse.container.filling import fill
from poolhouse.container.injection import read_signature, undecorated
from poolhouse.container.units import Filling, retries_of
from poolhouse.errors import WiringError
from poolhouse.integrations.fastapi._scoped import Kind, filled_in_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from poolhouse.container import Container
    from poolhouse.container.injection import Injection


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as FastAPI calls it; `retries` is not None where its route has to give it a scope."""

    call: Callable[..., Any]
    retries: int | None


@dataclass(frozen=True, slots=True)
class Binder:
    """Fills functions from one container; a dependency that several endpoints share is filled once, and cached as one.

    What cannot be filled is appended to `faults`, and the providers that are called are to `asked`.
    """

    container: Container
    faults: list[WiringError] = field(default_factory=list[WiringError])
    asked: list[Callable[[], Any]] = field(default_factory=list["Callable[[], Any]"])
    _dependencies: dict[Callable[..., Any], tuple[Callable[..., Any], Sequence[Filling]]] = field(
        default_factory=dict["Callable[..., Any]", "tuple[Callable[..., Any], Sequence[Filling]]"]
    )
    # What is filled from the scope of a route, for each route or dependency that is being filled.
    _collected: list[list[Filling]] = field(default_factory=list[list["Filling"]])

    @contextmanager
    def collecting(self) -> Generator[list[Filling]]:
        """Collect what the dependencies that are filled in the block need of a scope, which a route is to give."""
        self._collected.append([])
        try:
            yield self._collected[-1]
        finally:
            self._collected.pop()

    def endpoint(
        self, function: Callable[..., Any], collected: Sequence[Filling] = (), *, is_of_websocket: bool = False
    ) -> Endpoint | None:
        """Return the endpoint without its injected parameters, each filled from the container at every call.

        One that injects nothing, nor depends on what does, is returned as it is; one that cannot be filled is None.
        `collected` is what the dependencies of its route need of a scope. Endpoints of WebSockets, and generators,
        which are streamed after a response has begun, have a scope of their own as long as they run.
        """
        found = len(self.faults)
        kind = Kind.of(function, is_dependency=False, is_of_websocket=is_of_websocket)
        with self.collecting() as of_dependencies:
            filled, scoped = self._filled(undecorated(function), kind, whole=True)
        of_route = [*collected, *of_dependencies, *(() if kind.has_a_scope_of_its_own else scoped)]
        if is_of_websocket and of_route:
            self._fault("a dependency of a WebSocket cannot have objects of a scope", of_route[0].place)
        try:
            retries = retries_of(of_route) if of_route else None
        except WiringError as error:
            self.faults.append(error)
            return None
        return Endpoint(filled, retries) if len(self.faults) == found else None

    def _fault(self, fact: str, place: str) -> None:
        self.faults.append(WiringError(fact, place=place, remedy="Let the endpoint ask for it, and hand it on"))

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keywords of a route, a router or an application with their `dependencies` filled."""
        if not options.get("dependencies"):
            return {**options}
        return {**options, "dependencies": [self.depends(each) for each in options["dependencies"]]}

    def depends(self, depends: Depends, annotated: Any = None) -> Depends:
        """Return a dependency on the same function, filled; the very same one where nothing is injected below it."""
        call = depends.dependency or annotated
        filled = self._dependency(call) if callable(call) else call
        return depends if filled is call else replace(depends, dependency=filled)

    def _dependency(self, call: Callable[..., Any]) -> Callable[..., Any]:
        try:
            hash(call)
        except TypeError:  # FastAPI will say so
            return call
        if call not in self._dependencies:
            self._dependencies[call] = self._filled_dependency(call)
        filled, scoped = self._dependencies[call]
        if self._collected:
            self._collected[-1] += scoped
        elif scoped:
            self._fault("a dependency of a router or an application cannot have objects of a scope", scoped[0].place)
        return filled

    def _filled_dependency(self, call: Callable[..., Any]) -> tuple[Callable[..., Any], Sequence[Filling]]:
        found = len(self.faults)
        kind = Kind.of(call, is_dependency=True, is_of_websocket=False)
        with self.collecting() as below:
            filled, scoped = self._filled(undecorated(call), kind, whole=False)
        if len(self.faults) > found:
            filled, scoped = _unfilled, ()  # so that FastAPI says nothing of it a second time
        is_same = filled is undecorated(call)
        return call if is_same else FilledDependency(call, filled), (*below, *scoped)

    def _filled(
        self, function: Callable[..., Any], kind: Kind, *, whole: bool
    ) -> tuple[Callable[..., Any], Sequence[Filling]]:
        """Return the function filled, and those of its parameters that are filled from a scope."""
        signature = read_signature(function, self.faults, whole=whole)
        fillings = [filling for each in signature.injections if (filling := self._filling(each)) is not None]
        parameters = [self._with_filled_dependency(parameter) for parameter in signature.parameters]
        if not fillings and all(map(_are_same, parameters, signature.parameters)):
            return function, ()
        provided = {filling.parameter: filling.provide for filling in fillings}
        filled = fill(function, parameters, provided, returns=signature.returns)
        scoped = [filling for filling in fillings if filling.needs_a_scope]
        try:
            return (filled_in_scope(filled, self.container, scoped, kind) if scoped else filled), scoped
        except WiringError as error:
            self.faults.append(error)
            return filled, ()

    def _filling(self, injection: Injection) -> Filling | None:
        try:
            filling = Filling(self.container, injection)
        except WiringError as error:
            self.faults.append(error)
            return None
        self.asked.append(filling.provider)
        return filling

    def _with_filled_dependency(self, parameter: inspect.Parameter) -> inspect.Parameter:
        annotation: Any = parameter.annotation
        if isinstance(parameter.default, Depends):
            return parameter.replace(default=self.depends(parameter.default, annotation))
        if get_origin(annotation) is not Annotated:
            return parameter
        target, *metadata = get_args(annotation)
        filled = [self.depends(each, target) if isinstance(each, Depends) else each for each in metadata]
        if all(map(_are_same, filled, metadata)):
            return parameter
        # Equal to what it stands for, it would be given that back by typing's cache, were there nothing to tell it by.
        return parameter.replace(annotation=cast("Any", Annotated)[(target, *filled, object())])


class FilledDependency:
    """What a dependency is called through; equal to it, so that `dependency_overrides` of an application know it."""

    def __init__(self, call: Callable[..., Any], filled: Callable[..., Any]) -> None:
        # FastAPI looks through functools.wraps when it decides how to call a dependency.
        functools.update_wrapper(self, call, updated=())
        self.__signature__ = inspect.signature(filled)
        self._call = call
        self._filled = filled

    def __call__(self, **values: Any) -> Any:
        """Call the dependency with what FastAPI found and what the container fills in."""
        return self._filled(**values)

    def __eq__(self, other: object) -> bool:
        return self._call == (other._call if isinstance(other, FilledDependency) else other)

    def __hash__(self) -> int:
        return hash(self._call)


def _unfilled() -> None: ...


def _are_same(one: object, other: object) -> bool:
    return one is other
