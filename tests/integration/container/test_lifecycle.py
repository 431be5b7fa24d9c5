"""Starting and stopping, twice, at once, again, side by side, and in several event loops, on a real server."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from poolhouse.container import LifecycleState, pools
from poolhouse.errors import LifecycleError, PoolStateError
from poolhouse.pool import SharedPool

OPENING = ["server", "counting", "plain", "listening", "cache", "worker"]
CLOSING = ["worker", "cache", "listening", "counting", "server"]


async def test_a_start_opens_in_order_and_a_shutdown_closes_in_exact_reverse(bench):
    async with bench.application():
        assert bench.journal.taken("open ") == OPENING
        assert await bench.connections() > 0
    assert bench.journal.taken("close ") == CLOSING
    await bench.is_clean()


async def test_migrations_and_roles_come_between_the_pool_and_what_uses_the_database(bench):
    async with bench.application(settings=bench.settings(service_roles="managed")) as application:
        report = application.report
    assert [step.name for step in report.steps] == [
        "server",
        "pool",
        "users.counting",
        "users.plain",
        "migrations",
        "roles",
        "users.listening",
        "users.cache",
        "users.worker",
    ]
    assert [migration.applied for migration in report.migrations] == [(1, 2)]
    assert report.seconds == sum(step.seconds for step in report.steps)


async def test_stopping_before_a_start_and_stopping_twice_do_nothing(bench):
    application = bench.application()
    await application.shutdown_resources()
    assert application.state is LifecycleState.NEW
    await application.init_resources()
    await application.shutdown_resources()
    await application.shutdown_resources()
    assert application.state is LifecycleState.STOPPED
    assert bench.journal.taken("close ") == CLOSING


async def test_starting_twice_starts_once(bench):
    application = bench.application()
    await application.init_resources()
    await application.init_resources()
    assert bench.journal.taken("open ") == OPENING
    await application.shutdown_resources()
    await bench.is_clean()


async def test_what_was_built_before_the_start_works_after_it_and_after_the_next_one(bench):
    application = bench.application()
    service = application.users.service()
    for _ in range(2):
        with pytest.raises(PoolStateError, match="init_resources"):
            await service.count()
        async with application:
            assert await service.count() == 0
            assert application.users.service().db.pool is service.db.pool
        await bench.is_clean()


async def test_concurrent_starts_start_once(bench):
    application = bench.application()
    await asyncio.gather(application.init_resources(), application.init_resources(), application.init_resources())
    assert bench.journal.taken("open ") == OPENING
    await asyncio.gather(application.shutdown_resources(), application.shutdown_resources())
    assert bench.journal.taken("close ") == CLOSING
    await bench.is_clean()


async def test_of_two_starts_the_second_goes_on_when_the_first_is_cancelled(bench):
    application = bench.application()
    first = asyncio.create_task(application.init_resources())
    second = asyncio.create_task(application.init_resources())
    await bench.journal.reached["open server"].wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert application.state is LifecycleState.STARTED
    assert await application.users.service().count() == 0
    await application.shutdown_resources()
    await bench.is_clean()


async def test_of_two_starts_the_second_tries_again_when_the_first_fails(bench):
    application = bench.application()
    fault = ValueError("first")
    bench.journal.faults["open cache"] = fault
    first = asyncio.create_task(application.init_resources())
    second = asyncio.create_task(application.init_resources())
    with pytest.raises(ValueError, match="first"):
        await first
    bench.journal.faults.clear()
    await second
    assert await application.users.service().count() == 0
    await application.shutdown_resources()
    await bench.is_clean()


async def test_a_start_during_a_shutdown_waits_for_it_and_starts_again(bench):
    application = bench.application()
    await application.init_resources()
    stopping = asyncio.create_task(application.shutdown_resources())
    starting = asyncio.create_task(application.init_resources())
    await stopping
    await starting
    assert application.state is LifecycleState.STARTED
    assert bench.journal.entries == [
        *(f"open {name}" for name in OPENING),
        *(f"close {name}" for name in CLOSING),
        *(f"open {name}" for name in OPENING),
    ]
    await application.shutdown_resources()
    await bench.is_clean()


async def test_a_shutdown_during_a_start_waits_for_it_and_stops(bench):
    application = bench.application()
    starting = asyncio.create_task(application.init_resources())
    stopping = asyncio.create_task(application.shutdown_resources())
    await starting
    await stopping
    assert application.state is LifecycleState.STOPPED
    await bench.is_clean()


async def test_many_containers_live_side_by_side(bench):
    applications = [bench.application() for _ in range(5)]
    await asyncio.gather(*(each.init_resources() for each in applications))
    assert len({pool for each in applications for pool in pools(each)}) == 5
    await applications[0].shutdown_resources()
    assert [await each.users.service().count() for each in applications[1:]] == [0] * 4
    await asyncio.gather(*(each.shutdown_resources() for each in applications))
    await bench.is_clean()


async def test_a_container_with_other_settings_lives_beside_the_first(bench):
    async with bench.application() as first, bench.application(settings=bench.settings(command_timeout=7)) as second:
        assert [pools(each)[0].settings.command_timeout for each in (first, second)] == [None, 7]


async def test_a_pool_that_was_given_is_left_to_its_giver(bench):
    pool = SharedPool(bench.with_dsn())
    await pool.open()
    async with bench.application(pool=pool) as application:
        assert pools(application) == (pool,)
        assert await application.users.service().count() == 0
        assert "open server" in bench.journal.entries
    assert pool.is_open
    await pool.close()
    await bench.is_clean()


def in_a_thread(work):
    """Do `work` where no event loop runs, so that it can run its own."""
    outcome: list[BaseException] = []

    def main() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised in the test's thread
            outcome.append(error)

    thread = threading.Thread(target=main)
    thread.start()
    return thread, outcome


async def run(work):
    thread, outcome = in_a_thread(work)
    await asyncio.to_thread(thread.join)
    if outcome:
        raise outcome[0]


async def test_a_container_works_in_two_event_loops_one_after_the_other(bench):
    application = bench.application()

    async def contend() -> None:
        # Several at once, so that locks are waited for, which binds them to the loop.
        await asyncio.gather(*(application.init_resources() for _ in range(3)))
        assert await application.users.service().count() == 0
        await asyncio.gather(*(application.shutdown_resources() for _ in range(3)))

    def work() -> None:
        asyncio.run(contend())
        asyncio.run(contend())

    await run(work)
    await bench.is_clean()


async def test_a_loop_that_ends_without_a_shutdown_closes_everything(bench):
    application = bench.application()
    await run(lambda: asyncio.run(application.init_resources()))
    assert application.state is LifecycleState.STOPPED
    assert bench.journal.taken("close ") == CLOSING
    await bench.is_clean()
    async with application:
        assert await application.users.service().count() == 0


async def test_a_loop_that_ends_within_a_start_closes_everything(bench):
    application = bench.application()

    async def main() -> None:
        starting = asyncio.create_task(application.init_resources())
        await bench.journal.reached["open listening"].wait()
        assert not starting.done()

    await run(lambda: asyncio.run(main()))
    assert application.state is LifecycleState.STOPPED
    assert bench.journal.taken("close ")[-3:] == ["listening", "counting", "server"]
    await bench.is_clean()


async def test_what_fails_when_the_loop_ends_is_raised_by_a_later_shutdown(bench, caplog):
    application = bench.application()
    bench.journal.faults["close cache"] = ValueError("lost")
    await run(lambda: asyncio.run(application.init_resources()))
    assert "unhandled exception during asyncio.run() shutdown" in caplog.text
    with pytest.raises(ExceptionGroup, match="did not stop cleanly"):
        await application.shutdown_resources()
    await bench.is_clean()


async def test_a_started_container_that_nobody_refers_to_is_kept_and_closed_with_its_loop(bench):
    async def main() -> None:
        await bench.application().init_resources()
        gc.collect()
        assert "close server" not in bench.journal.entries

    await run(lambda: asyncio.run(main()))
    assert bench.journal.taken("close ") == CLOSING
    await bench.is_clean()


async def test_starting_or_stopping_in_another_loop_than_the_one_that_started_it_is_refused(bench):
    application = bench.application()
    await application.init_resources()
    for work in (application.init_resources, application.shutdown_resources):
        with pytest.raises(LifecycleError, match="another event loop"):
            await run(lambda work=work: asyncio.run(work()))
    await application.shutdown_resources()
    await bench.is_clean()


async def test_a_part_of_a_container_is_not_started_or_stopped_alone(bench):
    application = bench.application()
    with pytest.raises(LifecycleError, match="outermost"):
        await application.users.init_resources()
    async with application:
        assert application.users.state is LifecycleState.STARTED
        assert application.users.report is application.report
        with pytest.raises(LifecycleError, match=r"ApplicationContainer\.users is part of another container"):
            await application.users.shutdown_resources()
        assert await application.users.service().count() == 0
