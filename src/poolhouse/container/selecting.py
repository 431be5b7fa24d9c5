"""What Selectors can choose, and what is in force for each of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from poolhouse._core.selection import in_force
from poolhouse._core.suggestion import nearest
from poolhouse.container.graph import related
from poolhouse.container.kinds import has_a_schema
from poolhouse.container.overrides import effective
from poolhouse.errors import WiringError
from poolhouse.settings import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dependency_injector import containers

    from poolhouse.container.kinds import Provider
    from poolhouse.container.reading import Reading


def wrong_choices(
    name: str, known: Mapping[str, Provider], chosen: object, *, is_by_profile: bool
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a Selector called `name`, and what to do: a choice that it has no provider for.

    One that chooses by the profile has to have one for each, also for those that nobody may have started yet.
    """
    if is_by_profile:
        missing = [profile for profile in Profile if profile not in known]
        for other in (each for each in known if each not in set(Profile)):
            close = nearest(other, map(str, missing))
            remedy = f"Did you mean {close!r}?" if close else f"There are {', '.join(Profile)}"
            yield f"{name} has a provider for {other!r}, which is no profile", remedy
        if missing:
            fact = f"{name} has no provider for {', '.join(missing)}"
            yield fact, "Say what it is in each profile; providers.Object(None) is nothing"
    elif isinstance(chosen, str) and chosen not in known:
        close = nearest(chosen, known)
        remedy = f"Did you mean {close!r}?" if close else f"It has {', '.join(sorted(known))}"
        yield f"{name} has no provider {chosen!r}", remedy


class Choices:
    """Which providers are in force together, whatever is chosen.

    Selectors that choose by the same provider choose the same.
    """

    def __init__(self, container: containers.Container, reading: Reading) -> None:
        self._reading = reading
        self._index = {provider: index for index, provider in enumerate(reading.providers)}
        self._declared = container.providers.values()
        try:
            self._worlds = [[*self._worlds_of(selectors)] for selectors in self._by_chooser().values()]
        except WiringError:
            # Overrides in a circle, which is told by itself.
            self._worlds = []

    def exclude(self, one: int, other: int) -> bool:
        """Whether two nodes are never in force at once, since a choice for one is a choice against the other."""
        return any(all(not {one, other} <= world for world in worlds) for worlds in self._worlds)

    def worlds(self) -> Sequence[set[int]]:
        """Return the nodes that are in force for each choice of each chooser, or all where nothing is chosen."""
        return [world for worlds in self._worlds for world in worlds] or [{*self._index.values()}]

    def _by_chooser(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for provider in self._reading.providers:
            selector = cast("Any", provider)
            if isinstance(provider, providers.Selector):
                chooser = self._index.get(effective(selector.selector)) if selector.selector is not None else None
                if chooser is not None:
                    found.setdefault(self._reading.picture.nodes[chooser].name, []).append(selector)
        return found

    def _worlds_of(self, selectors: Sequence[Any]) -> Iterator[set[int]]:
        for choice in dict.fromkeys(name for selector in selectors for name in selector.providers):
            out = {selector: _others(selector, choice) for selector in selectors}
            needs = {
                each: [end for need, _ in related(each) if (end := effective(need)) not in out.get(each, ())]
                for each in self._reading.providers
            }
            declared = [*map(effective, self._declared)]
            active = in_force(declared, needs, out, always=filter(has_a_schema, declared))
            yield {self._index[each] for each in active if each in self._index}


def _others(selector: Any, choice: str) -> list[Provider]:
    """Return what `selector` does not choose; nothing where it has nothing for `choice`, since it would fail then."""
    known: Mapping[str, Provider] = selector.providers
    chosen = effective(known[choice]) if choice in known else None
    return [end for each in known.values() if (end := effective(each)) is not chosen] if chosen is not None else []
