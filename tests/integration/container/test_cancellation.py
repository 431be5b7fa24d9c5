"""A start and a shutdown, cancelled at every step that any task takes in them."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from poolhouse.container import LifecycleState

RESTING = {LifecycleState.NEW, LifecycleState.STOPPED}

ways_of_cancelling = pytest.mark.parametrize(
    ("after", "all_tasks"),
    [((0,), False), ((0, 1, 3), False), ((0,), True)],
    ids=["once", "again and again", "all tasks of the loop"],
)


@ways_of_cancelling
async def test_a_start_cancelled_at_any_step_leaves_nothing_and_says_what_was_being_started(
    bench, disturbance, after, all_tasks
):
    application = bench.application()
    said: set[str] = set()
    for step in count(1):
        at = tuple(step + later for later in after)
        cancelled = await disturbance.cancel(application.init_resources, at=at, all_tasks=all_tasks)
        if cancelled is None:
            break
        said.update(getattr(cancelled, "__notes__", ()))
        assert application.state in RESTING
        await bench.is_clean()
        await bench.forget_migrations()
    assert step > 30
    waiting = ("server", "pool", "users.listening", "users.cache", "users.worker")
    assert said >= {"while applying migrations", *(f"while starting {name}" for name in waiting)}
    await application.shutdown_resources()
    await bench.is_clean()


@ways_of_cancelling
async def test_a_shutdown_cancelled_at_any_step_closes_everything(bench, disturbance, after, all_tasks):
    application = bench.application()
    for step in count(1):
        await application.init_resources()
        bench.journal.entries.clear()
        at = tuple(step + later for later in after)
        cancelled = await disturbance.cancel(application.shutdown_resources, at=at, all_tasks=all_tasks)
        if application.state is LifecycleState.STARTED:
            # Cancelled before its first step: nothing was asked for yet.
            assert step == 1
            await application.shutdown_resources()
        assert application.state is LifecycleState.STOPPED
        await bench.is_clean()
        if cancelled is None:
            break
        if not all_tasks:
            assert bench.journal.taken("close ") == ["worker", "cache", "listening", "counting", "server"]
    assert step > 10


async def test_a_block_cancelled_at_any_step_closes_everything(bench, disturbance):
    application = bench.application()

    async def block() -> None:
        async with application:
            await application.users.service().count()

    for step in count(1):
        cancelled = await disturbance.cancel(block, at=(step,))
        assert application.state in RESTING
        await bench.is_clean()
        if cancelled is None:
            break
    assert step > 30


async def test_a_block_in_which_all_tasks_of_the_loop_are_cancelled_waits_until_everything_is_closed(bench):
    application = bench.application()
    entered = asyncio.Event()

    async def block() -> None:
        async with application:
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await entered.wait()
    for each in bench.tasks() - {task}:
        each.cancel()
    # Now the container is closing by itself already when the block comes to its end.
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert application.state is LifecycleState.STOPPED
    assert bench.journal.taken("close ") == ["worker", "cache", "listening", "counting", "server"]
    await bench.is_clean()


async def test_a_shutdown_that_is_cancelled_and_fails_says_what_was_being_stopped(bench):
    application = bench.application()
    await application.init_resources()
    bench.journal.faults["close cache"] = ValueError("lost")
    stopping = asyncio.create_task(application.shutdown_resources())
    asyncio.get_running_loop().call_soon(stopping.cancel)
    with pytest.raises(asyncio.CancelledError) as caught:
        await stopping
    assert caught.value.__notes__ == ["and then, while stopping users.cache: ValueError('lost')"]
    await bench.is_clean()


async def test_a_start_whose_step_swallows_the_cancellation_is_undone_all_the_same(bench):
    begun = asyncio.Event()

    async def stubborn(journal):
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            journal.note("swallowed")
        yield "stubborn"
        journal.note("close stubborn")

    application = bench.application()
    with override_with_resource(application.users.cache, stubborn, bench.journal):
        starting = asyncio.create_task(application.init_resources())
        await begun.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert application.state is LifecycleState.STOPPED
    assert "close stubborn" in bench.journal.entries
    await bench.is_clean()


def override_with_resource(provider, *arguments):
    from dependency_injector import providers

    return provider.override(providers.Resource(*arguments))
