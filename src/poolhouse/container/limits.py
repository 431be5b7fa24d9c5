"""How long the steps of a start and of a shutdown may take, as the classes of containers say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from poolhouse._core.suggestion import nearest
from poolhouse.container.graph import branches, branches_of, named
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dependency_injector import containers

_KINDS = ("start", "stop")


@dataclass(frozen=True, slots=True)
class Limits:
    """Times, in seconds: for one step of a start or a shutdown, and after which a step is called slow in the log.

    `drain` is how long a shutdown waits for scopes that are open. `starts` and `stops` are those of single resources,
    by their dotted names.
    """

    start: float
    stop: float
    slow: float
    drain: float
    starts: Mapping[str, float] = field(default_factory=dict[str, float])
    stops: Mapping[str, float] = field(default_factory=dict[str, float])

    def start_of(self, name: str) -> float:
        """Return how long the resource of this name may take to start."""
        return self.starts.get(name, self.start)

    def stop_of(self, name: str) -> float:
        """Return how long the resource of this name may take to stop."""
        return self.stops.get(name, self.stop)


def limits_of(container: containers.Container) -> Limits:
    """Return the limits that the classes of `container`, and of the containers in it, declare.

    Those of single resources go before those of their container, which go before those of the containers around it;
    of two limits for one resource, that of the outer container holds.
    """
    start, stop = _declared(container, "start_timeout"), _declared(container, "stop_timeout")
    slow, drain = _declared(container, "slow_after"), _declared(container, "drain_timeout")
    found = {kind: dict(_limited(container, kind)) for kind in _KINDS}
    return Limits(start, stop, slow, drain, starts=found["start"], stops=found["stop"])


def idle_limits(container: containers.Container, within: str = "") -> Iterator[WiringError]:
    """Yield an error for every limit of a single resource that no resource has the name of."""
    every = (*named(container), *((name, provider) for name, provider, _ in branches(container)))
    known = [name for name, provider in every if isinstance(provider, _MAY_BE_RESOURCES)]
    for kind in _KINDS:
        for name in _singles(container, kind):
            if name not in known:
                close = nearest(name, known)
                yield WiringError(
                    f"{kind}_timeouts has a limit for {name}, and there is no such resource",
                    place=within or _kind(container).__qualname__,
                    remedy=f"Did you mean {close!r}?" if close else f"There are {', '.join(known) or 'none'}",
                )
    for name, part in _parts(container):
        yield from idle_limits(part, f"{within}.{name}".lstrip("."))


# What a Dependency is filled with may be a resource.
_MAY_BE_RESOURCES = (providers.BaseResource, providers.Dependency)


def _limited(container: containers.Container, kind: str) -> Iterator[tuple[str, float]]:
    """Yield limits by the names of resources, those that go before others last."""
    for name, part in _parts(container):
        if _has_own(part, f"{kind}_timeout"):
            limit = _declared(part, f"{kind}_timeout")
            yield from ((each, limit) for each, _ in named(part, f"{name}."))
        yield from ((f"{name}.{each}", limit) for each, limit in _limited(part, kind))
    yield from _singles(container, kind).items()


def _singles(container: containers.Container, kind: str) -> Mapping[str, float]:
    return cast("Mapping[str, float]", getattr(_kind(container), f"{kind}_timeouts", {}))


def _declared(container: containers.Container, name: str) -> float:
    return cast("float", getattr(_kind(container), name))


def _has_own(container: containers.Container, name: str) -> bool:
    # The last one is that of the base of all containers, which nobody chose for this one.
    return sum(name in vars(each) for each in _kind(container).__mro__) > 1


def _kind(container: containers.Container) -> type[Any]:
    return cast("type[Any]", cast("Any", container).declarative_parent or type(container))


def _parts(container: containers.Container) -> Iterator[tuple[str, containers.Container]]:
    for name, provider in container.providers.items():
        several = ((f"{name}.{branch}", each) for branch, each in branches_of(provider))
        for own, each in ((name, provider), *several):
            if isinstance(each, providers.Container):
                yield own, cast("containers.Container", each.container)
