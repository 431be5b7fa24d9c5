"""The one pool that all services share: opening, leasing, closing, statistics."""

from poolhouse.pool.shared import Lease, Server, SharedPool
from poolhouse.pool.statistics import PoolStatistics, ServiceStatistics

__all__ = ["Lease", "PoolStatistics", "Server", "ServiceStatistics", "SharedPool"]
