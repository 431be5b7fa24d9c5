"""Transactions of services that last as long as a scope, in workers and commands."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.errors import UniqueViolationError, UsageError, WiringError
from poolhouse.schema import Connection, SchemaManager
from tests.integration.units.conftest import Ledger, Notes


async def test_what_a_service_does_in_a_scope_is_committed_when_that_ends(application, outside):
    async with application.scope() as scope:
        notes = await scope.begin(Notes)
        await notes.add("one")
        assert await outside.texts() == []
    assert await outside.texts() == ["one"]
    assert await outside.transactions() == 0


async def test_it_is_rolled_back_when_the_block_raises(application, outside):
    with pytest.raises(KeyError):
        await add_and_raise(application, KeyError())
    assert await outside.texts() == []
    assert await outside.transactions() == 0


async def add_and_raise(application, error):
    async with application.scope() as scope:
        await (await scope.begin(Notes)).add("one")
        raise error


async def test_it_is_rolled_back_when_the_block_is_cancelled(application, outside):
    added = asyncio.Event()

    async def work():
        async with application.scope() as scope:
            await (await scope.begin(Notes)).add("one")
            added.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await added.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while await outside.transactions():  # noqa: ASYNC110 - it is rolled back after the connection was given back
            await asyncio.sleep(0.001)
    assert await outside.texts() == []


async def test_without_a_transaction_each_statement_is_its_own(application, outside):
    async with application.scope() as scope:
        notes = await scope.resolve(Notes)
        assert not await notes.is_in_transaction()
        await notes.add("one")
        assert await outside.texts() == ["one"]


async def test_a_commit_that_fails_is_raised_by_the_scope(application, outside):
    with pytest.raises(UniqueViolationError):
        await add_twice(application)
    assert await outside.texts() == []


async def add_twice(application):
    async with application.scope() as scope:
        await (await scope.begin(Notes)).add_twice("one")


async def test_two_services_have_two_transactions_and_an_error_rolls_back_both(application, outside):
    async with application.scope() as scope:
        await (await scope.begin(Notes)).add("note")
        await (await scope.begin(Ledger)).add("entry")
        assert await outside.transactions() == 2
    assert (await outside.texts(), await outside.texts("ledger")) == (["note"], ["entry"])


async def test_a_commit_that_fails_rolls_back_those_that_were_begun_before_it(application, outside):
    async def work():
        async with application.scope() as scope:
            await (await scope.begin(Ledger)).add("entry")
            await (await scope.begin(Notes)).add_twice("note")

    with pytest.raises(UniqueViolationError):
        await work()
    assert (await outside.texts(), await outside.texts("ledger")) == ([], [])


async def test_a_transaction_that_is_begun_twice_is_one(application, outside):
    async with application.scope() as scope:
        await (await scope.begin(Notes)).add("one")
        await (await scope.begin(Notes)).add("two")
        assert await outside.transactions() == 1
        with pytest.raises(UsageError, match="belong to a whole transaction"):
            await scope.begin(Notes, isolation="serializable")
    assert await outside.texts() == ["one", "two"]


async def test_another_task_cannot_begin_one_that_the_scopes_own_would_not_be_in(application, outside):
    async with application.scope("a sale") as scope:
        with pytest.raises(UsageError, match="'a sale' open> is of another task"):
            await asyncio.gather(scope.begin(Notes), asyncio.sleep(0))
        await (await scope.begin(Notes)).add("one")
    assert await outside.texts() == ["one"]


async def test_one_whose_beginning_fails_is_not_committed(application):
    async with application.scope() as around:
        await around.begin(Notes)
        async with application.scope() as within:
            with pytest.raises(UsageError):
                await within.begin(Notes, isolation="serializable")
        assert not within.has_committed
    assert around.has_committed


async def test_it_has_the_modes_of_its_beginning(application):
    async with application.scope() as scope:
        db = await scope.begin(application.notes.db, isolation="serializable", readonly=True)
        assert isinstance(db, SchemaManager)
        assert await db.fetchval("SHOW transaction_isolation") == "serializable"
        assert await db.fetchval("SHOW transaction_read_only") == "on"


async def add_twice_at_once(notes):
    async with notes.db.transaction():
        await notes.add_twice("dropped")
        await notes.db.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def test_a_transaction_of_the_service_itself_is_a_savepoint_in_it(application, outside):
    async with application.scope() as scope:
        notes = await scope.begin(Notes)
        await notes.add("kept")
        with pytest.raises(UniqueViolationError):
            await add_twice_at_once(notes)
    assert await outside.texts() == ["kept"]


async def test_a_scope_within_has_a_savepoint_of_its_own(application, outside):
    async with application.scope() as outer:
        await (await outer.begin(Notes)).add("kept")
        with pytest.raises(KeyError):
            await add_and_raise(application, KeyError())
    assert await outside.texts() == ["kept"]


async def test_a_transaction_may_be_declared_as_a_scoped_object_too(application, outside):
    async with application.scope() as scope:
        explicit = await scope.resolve(application.notes.explicit)
        assert isinstance(explicit["connection"], Connection)
        await application.notes.service().add("one")
        assert await outside.texts() == []
    assert await outside.texts() == ["one"]


async def test_a_fake_in_the_place_of_a_service_begins_no_transaction(application, outside):
    class Fake(Notes):
        def __init__(self):
            super().__init__(None)

    fake = Fake()
    with application.notes.service.override(fake):
        async with application.scope() as scope:
            assert await scope.begin(application.notes.service) is fake
            assert await outside.transactions() == 0


async def test_it_is_told_when_there_is_no_telling_whose_transaction_is_meant(application):
    with pytest.raises(WiringError, match="pool has no schema manager"):
        async with application.scope() as scope:
            await scope.begin(application.pool)


async def test_the_manager_of_the_services_own_container_is_meant_and_not_those_of_its_ports(application):
    async with application.scope() as scope:
        ledger = await scope.begin(application.ledger.service)
        assert await ledger.is_in_transaction()
        assert not await application.notes.service().is_in_transaction()
