"""Functions of workers and commands that are bound to a container, each call in a scope of its own."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest

from poolhouse.container import InTransaction, Transactional, inject
from poolhouse.errors import Violations
from tests.integration.units.conftest import Notes  # noqa: TC001 - annotations are evaluated


async def add(text: str, notes: Transactional[Notes], *, error: Exception | None = None) -> list[str]:
    await notes.add(text)
    if error is not None:
        raise error
    return await notes.texts()


async def test_a_call_is_committed_when_it_ends_well_and_rolled_back_when_it_raises(application, outside):
    bound = application.inject(add)
    assert await bound("one") == ["one"]
    with pytest.raises(KeyError):
        await bound("two", error=KeyError())
    assert await outside.texts() == ["one"]


async def test_what_is_passed_by_name_is_not_injected(application, outside):
    class Fake:
        async def add(self, _):
            assert await outside.transactions() == 0

        async def texts(self):
            return ["of the fake"]

    assert await application.inject(add)("x", notes=Fake()) == ["of the fake"]


async def test_a_call_is_repeated_where_the_server_rolled_it_back(application, outside):
    counts: list[int] = []

    async def count_and_add(notes: Annotated[Notes, InTransaction(isolation="serializable", retries=2)]) -> None:
        counts.append(len(await notes.texts()))
        if len(counts) == 1:
            # In a task of its own, so that it is no part of this transaction.
            await asyncio.create_task(count_and_add_elsewhere(notes))
        await notes.add(f"after {counts[-1]}")

    await application.inject(count_and_add)()
    assert counts == [0, 1]
    assert await outside.texts() == ["elsewhere after 0", "after 1"]


async def count_and_add_elsewhere(notes: Notes) -> None:
    """Read what the other transaction will write, and write what it has read; serially, that cannot be."""
    async with notes.db.transaction(isolation="serializable"):
        await notes.add(f"elsewhere after {len(await notes.texts())}")


def test_a_function_that_is_not_asynchronous_has_no_transaction(application):
    def plain(notes: Transactional[Notes]) -> None: ...

    with pytest.raises(Violations, match="only a coroutine function"):
        application.inject(plain)


def test_a_function_that_does_not_know_its_container_has_none_either():
    with pytest.raises(Violations, match=r"needs to know its container.*container\.inject"):
        inject(add)
