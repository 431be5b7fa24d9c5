"""What is being opened in scopes at the moment, and what that waits for."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Generator

_current: ContextVar[Opening | None] = ContextVar("poolhouse_container_opening", default=None)


class Opening:
    """One object while it is being opened; whoever needs it meanwhile waits until that is over."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.over = asyncio.Event()
        self.waits_for: list[Opening] = []

    @contextmanager
    def going_on(self) -> Generator[None]:
        """Let the block be the opening; what it opens itself is waited for by what is being opened around it."""
        with self._waited_for():
            token = _current.set(self)
            try:
                yield
            finally:
                _current.reset(token)
                self.over.set()

    async def wait_until_over(self) -> None:
        """Wait for the opening in another task.

        Raises WiringError where that would be for ever, as it waits for the opening that this is called in; tasks that
        an opening has begun are held to be part of it.
        """
        with self._waited_for():
            await self.over.wait()

    @contextmanager
    def _waited_for(self) -> Generator[None]:
        waiting = _current.get()
        if waiting is None or waiting.over.is_set():
            yield
            return
        circle = self.way_to(waiting)
        if circle:
            first, *_ = names = [each.name for each in circle]
            raise WiringError(
                f"the opening of {first} waits for itself ({' -> '.join([*names, first])})",
                remedy="Let one of them be opened without another, and resolve that when both are open",
            )
        waiting.waits_for.append(self)
        try:
            yield
        finally:
            waiting.waits_for.remove(self)

    def way_to(self, other: Opening) -> list[Opening]:
        """Return what leads from this opening to another that it waits for, both included; nothing where none does."""
        if self is other:
            return [self]
        return next(([self, *way] for each in self.waits_for if (way := each.way_to(other))), list[Opening]())
