"""The one pool that all services share: opening, leasing, closing, statistics, events."""

from poolhouse.pool.events import (
    Acquired,
    ConnectionBroken,
    HandedOff,
    HeldTooLong,
    PoolEvent,
    SessionReset,
    SlowStatement,
    StatementEnded,
    Waited,
)
from poolhouse.pool.lease import Lease
from poolhouse.pool.shared import Server, SharedPool
from poolhouse.pool.statistics import Distribution, PoolStatistics, ServiceStatistics
from poolhouse.pool.use import Use

__all__ = [
    "Acquired",
    "ConnectionBroken",
    "Distribution",
    "HandedOff",
    "HeldTooLong",
    "Lease",
    "PoolEvent",
    "PoolStatistics",
    "Server",
    "ServiceStatistics",
    "SessionReset",
    "SharedPool",
    "SlowStatement",
    "StatementEnded",
    "Use",
    "Waited",
]
