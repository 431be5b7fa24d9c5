"""Resources that need no server, and that say what they did."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


class Handle:
    """Is built closed, and opened and closed by the lifecycle; waits for what it needs to be open."""

    def __init__(self, journal: list[str], name: str, *needs: object) -> None:
        self.journal = journal
        self.name = name
        self.needs = needs
        self.is_open = False

    async def open(self) -> None:
        await asyncio.sleep(0)
        assert all(need.is_open for need in self.needs if isinstance(need, Handle))
        self.journal.append(f"open {self.name}")
        self.is_open = True

    async def close(self) -> None:
        await asyncio.sleep(0)
        assert all(need.is_open for need in self.needs if isinstance(need, Handle))
        self.journal.append(f"close {self.name}")
        self.is_open = False


@pytest.fixture
def journal() -> list[str]:
    return []


@pytest.fixture
def handle(journal: list[str]) -> Callable[..., Handle]:
    """Builds a handle that writes to the test's journal: `Resource(handle, "name", needs...)`."""

    class Journaled(Handle):
        def __init__(self, name: str, *needs: object) -> None:
            super().__init__(journal, name, *needs)

    return Journaled
