"""Circles in a graph."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def circles(needs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the shortest circle of each set of nodes that all need each other, beginning with its first node.

    `needs` has for each node those that it needs.
    """
    for together in _components(needs):
        first = min(together)
        if len(together) > 1 or first in needs[first]:
            yield _shortest(first, needs, together)


def _components(needs: Sequence[Sequence[int]]) -> Iterator[set[int]]:
    """Tarjan's strongly connected components, with a loop for the recursion, since chains of providers may be long."""
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    waiting: list[int] = []
    is_waiting: set[int] = set()
    for root in range(len(needs)):
        if root in order:
            continue
        path = [(root, iter(needs[root]))]
        _enter(root, order, lowest, waiting, is_waiting)
        while path:
            node, following = path[-1]
            need = next(following, None)
            if need is None:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == order[node]:
                    yield _take(node, waiting, is_waiting)
            elif need not in order:
                _enter(need, order, lowest, waiting, is_waiting)
                path.append((need, iter(needs[need])))
            elif need in is_waiting:
                lowest[node] = min(lowest[node], order[need])


def _enter(node: int, order: dict[int, int], lowest: dict[int, int], waiting: list[int], is_waiting: set[int]) -> None:
    order[node] = lowest[node] = len(order)
    waiting.append(node)
    is_waiting.add(node)


def _take(node: int, waiting: list[int], is_waiting: set[int]) -> set[int]:
    together: set[int] = set()
    while node not in together:
        together.add(waiting.pop())
    is_waiting.difference_update(together)
    return together


def _shortest(first: int, needs: Sequence[Sequence[int]], within: set[int]) -> list[int]:
    back: dict[int, int] = {}
    following = deque([first])
    while first not in back:
        node = following.popleft()
        for need in needs[node]:
            if need in within and need not in back:
                back[need] = node
                following.append(need)
    circle = [back[first]]
    while circle[-1] != first:
        circle.append(back[circle[-1]])
    return circle[::-1]
