"""One connection for everybody: whose turn it is to send something."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from poolhouse.testing.rollback.savepoint import Savepoint


class Turns:
    """Lets one after another send something, and only where the innermost open transaction is theirs.

    Savepoints are a stack: what is sent belongs to the innermost, and ending another would end that one as well.
    """

    def __init__(self) -> None:
        self.innermost: Savepoint | None = None
        self._is_taken = False
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def turn(self, at: Savepoint | None, deadline: float) -> AsyncGenerator[None]:
        """Wait until nobody sends anything and `at` is the innermost; raises TimeoutError at the deadline."""
        while self._is_taken or self.innermost is not at:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                    await place
            finally:
                self._waiting.remove(place)
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = False
            self._let_others_look()

    def push(self, savepoint: Savepoint) -> None:
        """Make it the innermost."""
        self.innermost = savepoint

    def pop(self, savepoint: Savepoint) -> None:
        """End the innermost."""
        savepoint.is_open = False
        self.innermost = savepoint.within

    def pop_all(self) -> None:
        """End whatever is open."""
        while self.innermost is not None:
            self.pop(self.innermost)

    def _let_others_look(self) -> None:
        # All of them: whose turn it is depends on what is the innermost now. They come in the order of the list.
        for place in self._waiting:
            if not place.done():
                place.set_result(None)
