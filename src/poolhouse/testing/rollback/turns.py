"""One connection for everybody: whose turn it is to send something."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from poolhouse.testing.rollback.savepoint import Savepoint


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """That of somebody who waits: whether the turn can be theirs now, and what is done when it is."""

    can_begin: Callable[[], bool]
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """Lets one after another send something, and only where the innermost open transaction is theirs.

    Savepoints are a stack: what is sent belongs to the innermost, and ending another would end that one as well.
    """

    def __init__(self) -> None:
        self.innermost: Savepoint | None = None
        self._is_taken = False
        self._waiting: list[_Place] = []

    @asynccontextmanager
    async def turn(self, at: Savepoint | None, deadline: float) -> AsyncGenerator[None]:
        """Wait until nobody sends anything and `at` is the innermost; raises TimeoutError at the deadline."""
        async with self._taken(lambda: self.innermost is at, deadline):
            yield

    @asynccontextmanager
    async def last_turn(self, deadline: float) -> AsyncGenerator[None]:
        """Wait until nobody sends anything, whatever is the innermost; raises TimeoutError at the deadline."""
        async with self._taken(lambda: True, deadline):
            yield

    @asynccontextmanager
    async def _taken(self, can_begin: Callable[[], bool], deadline: float) -> AsyncGenerator[None]:
        if self._is_taken or not can_begin():
            await self._wait(can_begin, deadline)
        self._is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, can_begin: Callable[[], bool], deadline: float) -> None:
        place = _Place(can_begin)
        self._waiting.append(place)
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                await place.turn
        except BaseException:
            if place.turn.done() and not place.turn.cancelled():
                # It came together with the cancellation, or with the deadline.
                self._pass_on()
            raise
        finally:
            self._waiting.remove(place)

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

    def _pass_on(self) -> None:
        # To whoever waits for it, and not to all who look: who has just had it, and wants it again, would be first.
        self._is_taken = False
        for place in self._waiting:
            if not place.turn.done() and place.can_begin():
                self._is_taken = True
                place.turn.set_result(None)
                return
