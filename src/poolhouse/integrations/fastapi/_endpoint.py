"""Endpoints, and the dependencies of endpoints, with what they ask for filled in from a container."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin

from fastapi.params import Depends

from poolhouse.container import locate
from poolhouse.container.filling import fill
from poolhouse.container.injection import read_signature, undecorated
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from poolhouse.container import Container
    from poolhouse.container.injection import Injection


@dataclass(frozen=True, slots=True)
class Binder:
    """Fills functions from one container; a dependency that several endpoints share is filled once, and cached as one.

    What cannot be filled is appended to `faults`, and the providers that are called are to `asked`.
    """

    container: Container
    faults: list[WiringError] = field(default_factory=list[WiringError])
    asked: list[Callable[[], Any]] = field(default_factory=list["Callable[[], Any]"])
    _dependencies: dict[Callable[..., Any], Callable[..., Any]] = field(
        default_factory=dict["Callable[..., Any]", "Callable[..., Any]"]
    )

    def endpoint(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return the endpoint without its injected parameters, each filled from the container at every call.

        One that injects nothing, nor depends on what does, is returned as it is; one that cannot be filled is None.
        """
        found = len(self.faults)
        filled = self._filled(undecorated(function), whole=True)
        return filled if len(self.faults) == found else None

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
            found = len(self.faults)
            filled = self._filled(undecorated(call), whole=False)
            if len(self.faults) > found:
                filled = _unfilled  # so that FastAPI says nothing of it a second time
            self._dependencies[call] = call if filled is undecorated(call) else FilledDependency(call, filled)
        return self._dependencies[call]

    def _filled(self, function: Callable[..., Any], *, whole: bool) -> Callable[..., Any]:
        signature = read_signature(function, self.faults, whole=whole)
        provided: dict[str, Callable[[], Any]] = {}
        for injection in signature.injections:
            provided.update(self._provided(injection))
        parameters = [self._with_filled_dependency(parameter) for parameter in signature.parameters]
        if not provided and all(map(_are_same, parameters, signature.parameters)):
            return function
        return fill(function, parameters, provided, returns=signature.returns)

    def _provided(self, injection: Injection) -> Iterable[tuple[str, Callable[[], Any]]]:
        try:
            self.asked.append(locate(self.container, injection.target, place=injection.place))
            yield injection.parameter, self.container.resolver_of(injection)
        except WiringError as error:
            self.faults.append(error)

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
