"""Opening connections to a server that may not be up yet."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from poolhouse.pool.faults import CONNECT_ERRORS, connect_error, may_pass

if TYPE_CHECKING:
    from collections.abc import Callable

    from poolhouse.pool.leases import Leases

_log = logging.getLogger("poolhouse.pool")

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


async def open_when_up(make: Callable[[], Leases], *, address: str, limit: float) -> Leases:
    """Return opened leases, trying again with growing pauses while the server is not up, for `limit` seconds.

    What waiting cannot mend is raised at once. Each attempt gets leases of its own from `make`.
    """
    begun = time.monotonic()
    pause = _FIRST_PAUSE
    while True:
        leases = make()
        try:
            async with asyncio.timeout(max(limit - (time.monotonic() - begun), _FIRST_PAUSE)):
                await leases.open()
        except CONNECT_ERRORS as error:
            waited = time.monotonic() - begun
            is_final = not may_pass(error) or waited >= limit
            failure = connect_error(error, address=address, waited=waited)
        else:
            return leases
        if is_final:
            # Outside the handler, so that the driver's error, which can hold parts of the DSN, is not even the context.
            raise failure
        if pause == _FIRST_PAUSE:
            _log.warning("Waiting up to %.0f s for the PostgreSQL at %s", limit, address)
        # Replicas that wait for the same server should not all come back at the same moment.
        jittered = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        await asyncio.sleep(min(jittered, limit - waited))
        pause = min(pause * 2, _LONGEST_PAUSE)
