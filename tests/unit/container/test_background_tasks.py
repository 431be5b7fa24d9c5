"""What runs in the background: from its start to its stop, what it may finish before that, and what a crash does."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import ClassVar

import pytest
from dependency_injector import providers

from poolhouse.container import (
    BackgroundTask,
    BackgroundTaskCrashed,
    Container,
    LifecycleState,
    TaskState,
    background_tasks,
    run_until_stopped,
    uninterrupted,
)
from poolhouse.errors import BackgroundTaskError, StepTimeoutError, WiringError


class Outbox:
    """A service with something to do in the background; tests say what."""

    def __init__(self, need=None):
        self.need = need
        self.calls = 0
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.doing = self.wait

    async def deliver(self):
        self.calls += 1
        await self.doing()

    async def wait(self):
        self.reached.set()
        await asyncio.Event().wait()

    async def crash(self):
        raise ValueError("s3cret")

    async def crash_when_told(self):
        await self.go_on.wait()
        await self.crash()

    async def crash_twice(self):
        if self.calls <= 2:
            raise ValueError("s3cret")
        await self.wait()

    async def return_at_once(self):
        self.reached.set()


class Application(Container):
    stop_timeout = 5.0
    service = providers.Singleton(Outbox)
    outbox = providers.Resource(BackgroundTask, service.provided.deliver, restart_after=0.001)


def application_of(doing, **options):
    """An application and its service, whose background task does what the method of this name does."""

    class Wanted(Application):
        service = providers.Singleton(Outbox)
        outbox = providers.Resource(BackgroundTask, service.provided.deliver, **{"restart_after": 0.001, **options})

    application = Wanted()
    service = application.service()
    service.doing = getattr(service, doing)
    return application, service


def only_task(application):
    (task,) = background_tasks(application)
    return task


def first_crash_of(application):
    """Return a future of what is told about the first crash from now on."""
    crash = asyncio.get_running_loop().create_future()
    application.subscribe(BackgroundTaskCrashed, lambda event: crash.done() or crash.set_result(event))
    return crash


# Starting and stopping


async def test_it_runs_from_the_start_to_the_stop_of_its_container():
    application, service = application_of("wait")
    async with application:
        await service.reached.wait()
        task = only_task(application)
        assert (task.name, task.state) == ("outbox", TaskState.RUNNING)
    assert task.state is TaskState.STOPPED
    assert background_tasks(application) == ()
    assert len(asyncio.all_tasks()) == 1


async def test_it_starts_after_what_its_service_needs_and_stops_before_that(handle, journal):
    class Journaled(Outbox):
        async def deliver(self):
            journal.append("begin")
            try:
                await self.wait()
            finally:
                assert self.need.is_open
                await asyncio.sleep(0)
                journal.append("end")

    class Part(Container):
        pool = providers.Dependency()
        service = providers.Factory(Journaled, pool)
        outbox = providers.Resource(BackgroundTask, service.provided.deliver)

    class Whole(Container):
        part = providers.Container(Part)
        pool = providers.Resource(handle, "pool")

    application = Whole()
    application.part.pool.override(application.pool)
    async with application:
        assert [task.name for task in background_tasks(application)] == ["part.outbox"]
    assert journal == ["open pool", "begin", "end", "close pool"]


async def test_it_starts_again_with_its_container_and_runs_what_is_in_force_then():
    application, service = application_of("wait")
    async with application:
        await service.reached.wait()
    other = Outbox()
    with application.service.override(other):
        async with application:
            await other.reached.wait()
    assert (service.calls, other.calls) == (1, 1)


async def test_one_that_returns_is_finished_and_not_called_again():
    application, service = application_of("return_at_once", on_crash="stop")
    async with application:
        await service.reached.wait()
        await asyncio.sleep(0)
        assert only_task(application).state is TaskState.FINISHED
    assert service.calls == 1


async def test_one_that_is_overridden_by_something_else_does_not_run():
    application, service = application_of("wait")
    with application.outbox.override(None):
        async with application:
            assert background_tasks(application) == ()
    assert service.calls == 0


async def test_a_task_that_an_override_brings_runs_for_the_time_of_the_block():
    application, _ = application_of("wait")
    other = Outbox()
    async with application:
        async with application.overriding(application.outbox, providers.Resource(BackgroundTask, other.deliver)):
            await other.reached.wait()
            assert len(background_tasks(application)) == 2
        assert len(background_tasks(application)) == 1


async def test_a_start_that_fails_stops_it(handle):
    class Failing(Application):
        last = providers.Resource(handle, "last", providers.Callable(lambda: 1 / 0))

    with pytest.raises(ZeroDivisionError):
        await Failing().init_resources()
    assert len(asyncio.all_tasks()) == 1


async def test_what_cannot_be_awaited_fails_the_start():
    class Wrong(Container):
        outbox = providers.Resource(BackgroundTask, providers.Object(lambda: None))

    with pytest.raises(WiringError, match="the background task outbox cannot be awaited"):
        await Wrong().init_resources()


def test_an_unknown_way_to_deal_with_a_crash_is_refused():
    with pytest.raises(WiringError, match=r"cannot be 'explode'.*'restart', 'stop', 'report'"):
        BackgroundTask(Outbox().deliver, on_crash="explode")


# Finishing


async def test_a_stop_waits_for_an_uninterrupted_block_and_no_further(journal):
    async def work(self):
        while True:
            with uninterrupted():
                self.reached.set()
                await self.go_on.wait()
                journal.append("item")
            await asyncio.sleep(0)
            journal.append("next item")

    application, service = application_of("wait")
    service.doing = work.__get__(service)
    await application.init_resources()
    await service.reached.wait()
    stopping = asyncio.create_task(application.shutdown_resources())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not stopping.done()
    service.go_on.set()
    await stopping
    assert journal == ["item"]


async def test_blocks_of_tasks_that_it_began_itself_are_waited_for_too(journal):
    async def item(self):
        with uninterrupted():
            self.reached.set()
            await self.go_on.wait()
            journal.append("item")

    async def work(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(item(self))

    application, service = application_of("wait")
    service.doing = work.__get__(service)
    await application.init_resources()
    await service.reached.wait()
    stopping = asyncio.create_task(application.shutdown_resources())
    await asyncio.sleep(0)
    service.go_on.set()
    await stopping
    assert journal == ["item"]


async def test_they_are_waited_for_when_it_has_returned_itself(journal):
    items = []

    async def item(self):
        async with application.scope():
            self.reached.set()
            await self.go_on.wait()
            journal.append(application.state)

    async def work(self):
        items.append(asyncio.create_task(item(self)))

    application, service = application_of("wait")
    service.doing = work.__get__(service)
    await application.init_resources()
    await service.reached.wait()
    stopping = asyncio.create_task(application.shutdown_resources())
    for _ in range(20):
        await asyncio.sleep(0)
    service.go_on.set()
    await asyncio.gather(stopping, *items)
    assert journal == [LifecycleState.STOPPING]


async def test_a_block_that_takes_too_long_is_cancelled_and_named(caplog):
    async def work(self):
        with uninterrupted():
            await self.wait()

    application, service = application_of("wait", finish_within=0.01)
    service.doing = work.__get__(service)
    async with application:
        await service.reached.wait()
    assert caplog.messages == [
        "the background task outbox did not finish what it was doing within 0.01 s, and is cancelled"
    ]


async def test_outside_of_a_background_task_a_block_is_like_any_other():
    with uninterrupted():
        assert True


async def test_one_that_swallows_its_cancellation_is_left_at_the_limit_and_named(caplog):
    service = Outbox()

    async def work():
        while not service.go_on.is_set():
            try:
                service.reached.set()
                await service.go_on.wait()
            except asyncio.CancelledError:
                service.calls += 1
        raise ValueError("late")

    class Stubborn(Container):
        stop_timeouts: ClassVar = {"outbox": 0.02}
        outbox = providers.Resource(BackgroundTask, providers.Object(work))

    application = Stubborn()
    await application.init_resources()
    await service.reached.wait()
    with pytest.raises(ExceptionGroup) as caught:
        await application.shutdown_resources()
    (late,) = caught.value.exceptions
    assert isinstance(late, StepTimeoutError)
    assert "the background task outbox was cancelled, and goes on" in late.__notes__
    assert application.state is LifecycleState.STOPPED
    assert service.calls == 1
    service.go_on.set()
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - nobody waits for it any more
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert caplog.messages == ["poolhouse: outbox crashed after its stop"]


async def test_what_it_raises_about_its_stop_is_raised_by_the_stop():
    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while cleaning up")

    class Untidy(Container):
        outbox = providers.Resource(BackgroundTask, providers.Object(work))

    application = Untidy()
    await application.init_resources()
    await asyncio.sleep(0)
    with pytest.raises(ExceptionGroup) as caught:
        await application.shutdown_resources()
    (error,) = caught.value.exceptions
    assert (str(error), error.__notes__) == ("while cleaning up", ["while stopping outbox"])


# Crashing


async def until_left(application, *, raising=None):
    """Be in the block of the application, let the task crash, and end the block, or raise, once it is cancelled."""
    async with application:
        application.service().go_on.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if raising is not None:
                raise raising from None


async def test_a_crash_is_logged_with_its_name_and_told_to_subscribers(caplog):
    application, _ = application_of("crash", on_crash="report")
    crash = first_crash_of(application)
    async with application:
        event = await crash
        assert (event.name, event.crashes, event.restart_in, event.stops_application) == ("outbox", 1, None, False)
        assert isinstance(event.error, ValueError)
        assert repr(only_task(application)) == "<BackgroundTask outbox crashed, crashes: 1>"
    (record,) = caplog.records
    assert (record.levelno, record.message) == (
        logging.ERROR,
        "the background task outbox crashed, and it is not restarted",
    )
    assert record.exc_info[1] is event.error


async def test_a_task_that_is_restarted_goes_on_after_a_pause_that_grows():
    application, service = application_of("crash_twice")
    pauses = []
    application.subscribe(BackgroundTaskCrashed, lambda crash: pauses.append(crash.restart_in))
    async with application:
        await service.reached.wait()
        assert only_task(application).state is TaskState.RUNNING
        assert only_task(application).crashes == 2
    assert (service.calls, pauses) == (3, [0.001, 0.002])


async def test_a_stop_does_not_wait_for_the_pause():
    application, _ = application_of("crash", restart_after=1000.0)
    crash = first_crash_of(application)
    async with application:
        await crash
        assert only_task(application).state is TaskState.RESTARTING
    assert application.state is LifecycleState.STOPPED


async def test_a_cancellation_that_nobody_asked_for_is_a_crash():
    async def work():
        inner = asyncio.create_task(asyncio.Event().wait())
        inner.cancel()
        await inner

    class Cancelling(Container):
        outbox = providers.Resource(BackgroundTask, providers.Object(work), on_crash="report")

    application = Cancelling()
    crash = first_crash_of(application)
    async with application:
        assert isinstance((await crash).error, asyncio.CancelledError)


async def test_a_crash_that_stops_the_application_leaves_the_block_and_is_raised():
    application, _ = application_of("crash_when_told", on_crash="stop")
    with pytest.raises(BackgroundTaskError, match="outbox crashed with ValueError") as caught:
        await until_left(application)
    assert isinstance(caught.value.__cause__, ValueError)
    assert "s3cret" not in str(caught.value)
    assert application.state is LifecycleState.STOPPED
    assert asyncio.current_task().cancelling() == 0


async def test_a_crash_is_raised_also_where_the_block_fails_or_ends_meanwhile():
    for error in (None, KeyError("of the block")):
        application, _ = application_of("crash_when_told", on_crash="stop")
        with pytest.raises(BackgroundTaskError) as caught:
            await until_left(application, raising=error)
        assert caught.value.__context__ is error
        assert asyncio.current_task().cancelling() == 0


async def test_a_signal_during_the_shutdown_after_a_crash_does_not_hide_that():
    started = asyncio.Event()

    async def crash():
        await started.wait()
        raise ValueError

    async def slow_to_stop():
        yield
        signal.raise_signal(signal.SIGTERM)
        for _ in range(5):
            await asyncio.sleep(0)

    class Crashing(Container):
        slow = providers.Resource(slow_to_stop)
        task = providers.Resource(BackgroundTask, providers.Object(crash), on_crash="stop")

    with pytest.raises(BackgroundTaskError):
        await run_until_stopped(Crashing(), started=started.set)


async def test_what_fails_when_a_signal_ends_the_start_is_logged(caplog):
    async def fail_to_stop():
        yield
        raise ValueError("at its end")

    async def never():
        signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()

    class Starting(Container):
        failing = providers.Resource(fail_to_stop)
        slow = providers.Resource(never)

    await run_until_stopped(Starting())
    assert caplog.messages == [
        "stopped by a signal during the start, while starting slow",
        "stopped by a signal during the start, and then, while stopping failing: ValueError('at its end')",
    ]


async def test_a_start_that_fails_is_rolled_back_and_raised_whatever_signal_comes_meanwhile():
    closed = []

    async def slow_to_stop():
        yield
        signal.raise_signal(signal.SIGTERM)
        for _ in range(5):
            await asyncio.sleep(0)
        closed.append("slow")

    def fail():
        raise ValueError("at its start")

    class Failing(Container):
        slow = providers.Resource(slow_to_stop)
        failing = providers.Resource(fail)

    with pytest.raises(ValueError, match="at its start"):
        await run_until_stopped(Failing())
    assert closed == ["slow"]


async def test_a_cancellation_from_elsewhere_is_still_known_after_a_crash_at_the_same_time():
    application, service = application_of("crash_when_told", on_crash="stop")
    entered = asyncio.Event()

    async def body():
        async with application:
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await entered.wait()
    service.go_on.set()
    task.cancel()
    with pytest.raises(BackgroundTaskError):
        await task
    assert task.cancelling() == 1


async def test_a_crash_during_the_start_fails_it(handle, journal):
    class Waiting(handle):
        async def open(self):
            await super().open()
            for _ in range(5):
                await asyncio.sleep(0)

    class Crashing(Container):
        service = providers.Singleton(Outbox)
        outbox = providers.Resource(BackgroundTask, service.provided.crash, on_crash="stop")
        last = providers.Resource(Waiting, "last")

    application = Crashing()
    with pytest.raises(BackgroundTaskError):
        await application.init_resources()
    assert journal == ["open last", "close last"]
    assert application.state is LifecycleState.STOPPED


async def test_a_container_that_was_stopped_by_a_crash_can_be_started_again():
    application, service = application_of("crash", on_crash="stop")
    with pytest.raises(BackgroundTaskError):
        async with application:
            await asyncio.Event().wait()
    service.doing = service.wait
    async with application:
        await service.reached.wait()
    assert application.state is LifecycleState.STOPPED


def test_a_loop_that_ends_ends_the_tasks_of_a_container_that_nobody_stopped():
    application, service = application_of("wait")

    async def main():
        await application.init_resources()
        await service.reached.wait()

    asyncio.run(main())
    assert application.state is LifecycleState.STOPPED
