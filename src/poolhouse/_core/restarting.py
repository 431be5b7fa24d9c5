"""The states of a background task, and how long it pauses after a crash."""

from __future__ import annotations

from enum import Enum

LONGEST_PAUSE = 60.0
"""Seconds: a failing server is asked for no more often than once a minute, and found again within one."""


class TaskState(Enum):
    """Where a background task stands."""

    NEW = "new"
    RUNNING = "running"
    RESTARTING = "restarting"
    FINISHED = "finished"
    CRASHED = "crashed"
    STOPPED = "stopped"


def pause_after(crashes: int, *, first: float) -> float:
    """Return how many seconds to wait after so many crashes in a row: `first`, then each time twice as long."""
    # No power of a large number: a task may crash once a minute for years.
    return min(first * 2.0 ** min(crashes - 1, 32), LONGEST_PAUSE)


def crashes_in_a_row(before: int, *, ran_for: float) -> int:
    """Count one more crash of a task that ran for so many seconds; a long run makes up for all before it."""
    return 1 if ran_for >= LONGEST_PAUSE else before + 1
