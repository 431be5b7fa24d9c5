"""What is in force where some things are chosen among several."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NodeT = TypeVar("NodeT")


def in_force(
    declared: Iterable[NodeT],
    needs: Mapping[NodeT, Iterable[NodeT]],
    unselected: Mapping[NodeT, Iterable[NodeT]],
    *,
    always: Iterable[NodeT] = (),
) -> set[NodeT]:
    """Return what is declared, and what that needs, without what nothing but the unselected needs.

    What is declared, and needed by something unselected, is there for that alone: it is left out, unless something else
    needs it, or it is among those that are in force `always`.
    """
    others = chain.from_iterable(unselected.values())
    left_out = reached(others, lambda node: (*needs.get(node, ()), *unselected.get(node, ())))
    roots = (*(node for node in declared if node not in left_out), *always)
    return reached(roots, lambda node: needs.get(node, ()))


def reached(starts: Iterable[NodeT], following: Callable[[NodeT], Iterable[NodeT]]) -> set[NodeT]:
    """Return all nodes that one comes to from `starts`, with these."""
    found = set(starts)
    waiting = list(found)
    while waiting:
        new = {node for node in following(waiting.pop()) if node not in found}
        found |= new
        waiting += new
    return found
