"""A picture of a container's providers: what each calls, with what, and what it needs for that."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from poolhouse._core.wiring.products import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from poolhouse._core.wiring.callee import Callee
    from poolhouse._core.wiring.products import Product


@dataclass(frozen=True, slots=True)
class Need:
    """A provider that is called for another one, by its index, and the names of the dependencies it comes through."""

    node: int
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """What is passed to a call: as far as it is known, and by which provider it is made, if by any.

    `is_stand_in` says that it replaces what was declared, as fakes in tests do, which need not be of its class.
    `branches` are what it can be, where a Selector chooses.
    """

    product: Product
    need: Need | None = None
    is_stand_in: bool = False
    branches: tuple[Argument, ...] = ()

    def outcomes(self) -> Iterator[Argument]:
        """Yield everything that can be passed, which is itself where nobody chooses."""
        if not self.branches:
            yield self
        for branch in self.branches:
            yield from branch.outcomes()


@dataclass(frozen=True, slots=True)
class Filling:
    """A declared dependency that something fills, and the class that it says it has to be an instance of."""

    name: str
    wanted: type | None
    argument: Argument
    node: int


@dataclass(frozen=True, slots=True)
class Node:
    """A provider that is in force.

    `is_hole`: it has to be replaced before it can be called, by something of the class `wanted`. `is_opened`: only
    a start makes its product known. `is_early`: its product must be known before the start. `is_awaited`: calling it
    gives an awaitable, and `awaits`: it may be given such. `is_whole`: nobody calls it with arguments of their own.
    `hands_on`: what it needs is called with the arguments that it is called with itself. `is_scoped`: its product lives
    as long as a scope, and `is_kept`: longer than any.
    """

    name: str
    product: Product = UNKNOWN
    callee: Callee | None = None
    positional: tuple[Argument, ...] = ()
    keywords: Mapping[str, Argument] = field(default_factory=dict[str, Argument])
    needs: tuple[Need, ...] = ()
    wanted: type | None = None
    is_hole: bool = False
    is_opened: bool = False
    is_early: bool = False
    is_awaited: bool = False
    awaits: bool = False
    is_whole: bool = False
    hands_on: bool = False
    is_scoped: bool = False
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a node, drawn with the way to it, and what to do about it, perhaps `at` another."""

    node: int
    fact: str
    remedy: str
    path: tuple[str, ...] = ()
    at: int | None = None

    @property
    def place(self) -> int:
        """The node at which it can be mended."""
        return self.node if self.at is None else self.at


@dataclass(frozen=True, slots=True)
class Picture:
    """All providers of a container, those first that were declared first; `subject` is what the container is called."""

    subject: str
    nodes: Sequence[Node]
    fillings: Sequence[Filling] = ()

    def callers(self) -> list[list[Need]]:
        """Return for each node by which nodes it is called, the other way round than `needs`."""
        callers: list[list[Need]] = [[] for _ in self.nodes]
        for index, node in enumerate(self.nodes):
            for need in node.needs:
                callers[need.node].append(Need(index, need.through))
        return callers

    def holder(self, index: int, name: str | None = None) -> int:
        """Return the node of the container in a container that has `name`, which is a node's own without one.

        The node itself where the outermost container has it.
        """
        owner = (name or self.nodes[index].name).rpartition(".")[0]
        return next((other for other, node in enumerate(self.nodes) if owner and node.name == owner), index)

    def is_whole(self, index: int, callers: Sequence[Sequence[Need]]) -> bool:
        """Whether a node is called with nothing but the arguments it has, at least by one of its callers."""
        seen = {index}
        following = [index]
        while following:
            each = following.pop()
            if self.nodes[each].is_whole or any(not self.nodes[caller.node].hands_on for caller in callers[each]):
                return True
            new = {caller.node for caller in callers[each]} - seen
            seen |= new
            following += new
        return False

    def path_to(self, target: int, callers: Sequence[Sequence[Need]]) -> tuple[str, ...]:
        """Return the names on the shortest way to a node from one that nobody calls."""
        onward: dict[int, Need | None] = {target: None}
        following = deque([target])
        start = target
        while following:
            start = following.popleft()
            if not callers[start]:
                break
            for caller in callers[start]:
                if caller.node not in onward:
                    onward[caller.node] = Need(start, caller.through)
                    following.append(caller.node)
        return tuple(self._names_from(start, onward))

    def way(self, start: int, goal: int) -> tuple[str, ...] | None:
        """Return the names on the shortest way from a node to what it needs; None where it does not need that."""
        back: dict[int, tuple[int, Need] | None] = {start: None}
        following = deque([start])
        while following:
            index = following.popleft()
            for need in self.nodes[index].needs:
                if need.node == goal:
                    return self._drawn(back, index, need)
                if need.node not in back:
                    back[need.node] = (index, need)
                    following.append(need.node)
        return None

    def reached_from(self, start: int) -> set[int]:
        """Return everything that a node needs, directly or not, and itself."""
        found = {start}
        following = [start]
        while following:
            new = {need.node for need in self.nodes[following.pop()].needs} - found
            found |= new
            following += new
        return found

    def hop(self, start: int, need: Need) -> tuple[str, ...]:
        """Return the names from a node to one that it needs directly."""
        return _without_echo((self.nodes[start].name, *need.through, self.nodes[need.node].name))

    def _names_from(self, start: int, onward: Mapping[int, Need | None]) -> Iterator[str]:
        names = [self.nodes[start].name]
        step = onward[start]
        while step is not None:
            names += [*step.through, self.nodes[step.node].name]
            step = onward[step.node]
        yield from _without_echo(names)

    def _drawn(self, back: Mapping[int, tuple[int, Need] | None], index: int, last: Need) -> tuple[str, ...]:
        names: tuple[str, ...] = (*last.through, self.nodes[last.node].name)
        while (step := back[index]) is not None:
            names = (*step[1].through, self.nodes[index].name, *names)
            index = step[0]
        return _without_echo((self.nodes[index].name, *names))


def _without_echo(names: Sequence[str]) -> tuple[str, ...]:
    """Leave repetitions out: a dependency and what fills it may have one name."""
    return tuple(name for index, name in enumerate(names) if index == 0 or names[index - 1] != name)
