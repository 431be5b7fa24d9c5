"""Transactions that are run again where the server rolled them back in favour of others."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from poolhouse.errors import TransactionRollbackError
from poolhouse.schema.connection import Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

# Seconds between two attempts: about as long as what was in the way, then longer.
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 1.0


def pauses(retries: int) -> Iterator[float]:
    """Yield how many seconds to wait before each of so many retries."""
    pause = _FIRST_PAUSE
    for _ in range(retries):
        # Two that were in each other's way should not meet again.
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        pause = min(pause * 2, _LONGEST_PAUSE)


class Attempt(Transaction):
    """A transaction that may be run again; `is_to_be_repeated` once it was rolled back in favour of another."""

    __slots__ = ("is_last", "is_to_be_repeated")

    is_last: bool
    is_to_be_repeated: bool

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool | None:
        try:
            await super().__aexit__(kind, error, trace)
        except TransactionRollbackError:
            # A conflict may show in the commit only.
            self.is_to_be_repeated = not self.is_last
            if self.is_last:
                raise
        else:
            self.is_to_be_repeated = isinstance(error, TransactionRollbackError) and not self.is_last
        return self.is_to_be_repeated


class Attempts:
    """An asynchronous iterator over transactions, to be entered one by one until one of them is not rolled back.

    The block is run again, at most `retries` times, where the server rolled it back in favour of another transaction
    (40001, 40P01), after a short and growing pause; after that the error is raised. What the block did besides is
    not undone between two runs::

        async for transaction in db.transaction(isolation="serializable", retries=3):
            async with transaction as connection:
                ...
    """

    __slots__ = ("_begin", "_retries")

    def __init__(self, begin: Callable[[], Attempt], *, retries: int) -> None:
        self._begin = begin
        self._retries = retries

    async def __aiter__(self) -> AsyncIterator[Attempt]:
        for pause in (*pauses(self._retries), None):
            attempt = self._begin()
            attempt.is_last, attempt.is_to_be_repeated = pause is None, False
            yield attempt
            if pause is None or not attempt.is_to_be_repeated:
                return
            await asyncio.sleep(pause)
