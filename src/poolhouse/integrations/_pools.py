"""What pools are called where their figures are shown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from poolhouse._core.address import location_in_dsn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from poolhouse._core.address import Location
    from poolhouse.pool import SharedPool


def location_of(pool: SharedPool) -> Location | None:
    """Return where the pool's database is, as far as its DSN says."""
    return None if pool.dsn is None else location_in_dsn(pool.dsn.get_secret_value())


def labelled(pools: Sequence[SharedPool]) -> Mapping[str, SharedPool]:
    """Return pools by their databases' names, and where two have the same name, or none, by their addresses."""
    locations = [location_of(pool) for pool in pools]
    names = Counter(location.database for location in locations if location is not None)
    return {
        location.database if location is not None and names[location.database] == 1 else pool.address: pool
        for location, pool in zip(locations, pools, strict=True)
    }
