"""The states that a container and a pool go through, and the moves between them that are legal."""

from __future__ import annotations

from enum import Enum

from poolhouse.errors import LifecycleError


class LifecycleState(Enum):
    """Where something that is started and stopped stands."""

    NEW = "new"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"


_MOVES: dict[LifecycleState, frozenset[LifecycleState]] = {
    LifecycleState.NEW: frozenset({LifecycleState.STARTING}),
    LifecycleState.STARTING: frozenset({LifecycleState.STARTED, LifecycleState.STOPPING}),
    LifecycleState.STARTED: frozenset({LifecycleState.STOPPING}),
    LifecycleState.STOPPING: frozenset({LifecycleState.STOPPED}),
    LifecycleState.STOPPED: frozenset({LifecycleState.STARTING}),
}


def move(current: LifecycleState, target: LifecycleState, *, subject: str) -> LifecycleState:
    """Return `target` when `subject` may go there from `current`; LifecycleError names both otherwise.

    A failed start goes from STARTING through STOPPING to STOPPED, from where it may be started again.
    """
    if target not in _MOVES[current]:
        legal = " or ".join(sorted(state.value for state in _MOVES[current]))
        raise LifecycleError(
            f"{subject} is {current.value} and cannot become {target.value}",
            remedy=f"From here it can only become {legal}",
        )
    return target
