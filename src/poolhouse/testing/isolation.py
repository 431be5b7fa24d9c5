"""How a test is kept from what others leave in the database."""

from __future__ import annotations

from enum import StrEnum

import pytest

INI = "poolhouse_isolation"


class Isolation(StrEnum):
    """What a test has the database for itself by."""

    ROLLBACK = "rollback"
    """Everything is in one transaction, which is rolled back after the test."""

    CLONE = "clone"
    """The test has a database of its own, a clone of one that is migrated."""


MARKERS = {
    Isolation.ROLLBACK: "everything that the test does with the database is rolled back after it",
    Isolation.CLONE: "the test has a database of its own, where transactions, locks and notifications are real",
}


def default_of(config: pytest.Config) -> Isolation:
    """Return the isolation of tests without a marker; pytest.UsageError where the configuration names none."""
    said = config.getini(INI)
    if said not in set(Isolation):
        raise pytest.UsageError(f"{INI} is {said!r}, and can be {' or '.join(map(repr, map(str, Isolation)))}")
    return Isolation(said)


def isolation_of(item: pytest.Item) -> Isolation:
    """Return the isolation that the nearest marker of a test asks for, or the default."""
    for marker in item.iter_markers():
        if marker.name in set(Isolation):
            return Isolation(marker.name)
    return default_of(item.config)
