"""Opening what migrations need, and nothing else of the application."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.container import LifecycleState, migrating
from poolhouse.errors import LifecycleError, PoolhouseError
from poolhouse.migrations import migrate


async def test_only_what_the_migration_sets_need_is_open(bench):
    async with migrating(bench.application()) as sets:
        assert bench.journal.entries == ["open server"]
        assert sets[0].db.pool.is_open
    assert bench.journal.entries == ["open server", "close server"]
    await bench.is_clean()


async def test_the_sets_can_be_migrated_and_the_container_started_afterwards(bench):
    application = bench.application()
    async with migrating(application) as sets:
        assert (await migrate(sets)).applied > 0
    async with application:
        assert sum(len(report.applied) for report in application.report.migrations) == 0
    await bench.is_clean()


async def test_a_started_container_serves_and_stays_started(bench):
    async with bench.application() as application:
        async with migrating(application) as sets:
            assert sets
        assert application.state is LifecycleState.STARTED
        assert sets[0].db.pool.is_open
    await bench.is_clean()


async def test_a_failure_in_the_block_closes_what_was_opened(bench):
    with pytest.raises(PoolhouseError, match="on purpose"):
        async with migrating(bench.application()):
            raise PoolhouseError("on purpose")
    await bench.is_clean()


async def test_a_server_that_does_not_open_leaves_nothing(bench):
    bench.journal.faults["open server"] = RuntimeError("on purpose")
    with pytest.raises(RuntimeError, match="on purpose"):
        async with migrating(bench.application()):
            pytest.fail("the block is not entered")
    await bench.is_clean()


async def test_a_container_that_is_starting_is_left_alone(bench):
    application = bench.application()
    start = asyncio.create_task(application.init_resources())
    await bench.journal.reached["open server"].wait()
    with pytest.raises(LifecycleError, match="the container is starting"):
        async with migrating(application):
            pytest.fail("the block is not entered")
    await start
    await application.shutdown_resources()
    await bench.is_clean()
