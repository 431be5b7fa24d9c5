"""A server whose application ends by a crash in the background: requests finish, and the process exits with 1."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest
from dependency_injector import providers

from poolhouse.container import BackgroundTask, Container, LifecycleState
from poolhouse.errors import BackgroundTaskError
from poolhouse.integrations.fastapi import Injected, Router, create_application
from poolhouse.integrations.uvicorn import listen, run, serve, url_of


class Worker:
    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.crash = asyncio.Event()
        self.crashed = asyncio.Event()

    async def work(self) -> None:
        await self.crash.wait()
        self.crashed.set()
        raise ValueError("s3cret")


class Application(Container):
    worker = providers.Singleton(Worker)
    working = providers.Resource(BackgroundTask, worker.provided.work, on_crash="stop")


router = Router()


@router.get("/")
async def answer_after_the_crash(worker: Injected[Worker]) -> str:
    worker.asked.set()
    await worker.crashed.wait()
    return "answered"


async def test_requests_in_flight_finish_when_a_background_task_ends_the_application():
    container = Application()
    web = create_application(container, router)
    with listen("127.0.0.1", 0) as listener:
        started = asyncio.Event()
        serving = asyncio.create_task(serve(web, listener, shutdown_timeout=5, started=started.set))
        await started.wait()
        async with httpx.AsyncClient(base_url=url_of(listener)) as client:
            assert (await client.get("/health/ready")).json()["background_tasks"] == {"working": "running"}
            request = asyncio.create_task(client.get("/"))
            await container.worker().asked.wait()
            container.worker().crash.set()
            assert (await request).json() == "answered"
        with pytest.raises(BackgroundTaskError):
            await serving
    assert not web.state.readiness.is_open
    assert container.state is LifecycleState.STOPPED


async def test_a_crash_during_the_start_is_raised_and_nothing_is_served():
    container = Application()
    container.worker().crash.set()
    with listen("127.0.0.1", 0) as listener, pytest.raises(BackgroundTaskError):
        await serve(create_application(container), listener, shutdown_timeout=5)


def test_a_process_ended_by_a_background_task_says_which_and_exits_with_1(capsys):
    async def main() -> None:
        container = Application()
        container.worker().crash.set()
        with listen("127.0.0.1", 0) as listener:
            await serve(create_application(container), listener, shutdown_timeout=5)

    assert run(main) == 1
    said = capsys.readouterr().err
    assert "the background task working crashed with ValueError" in said
    assert "s3cret" not in said


async def test_a_start_that_fails_is_raised_whatever_signal_comes_while_it_is_undone():
    async def slow_to_stop():
        yield
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0)

    def fail() -> None:
        raise ValueError("at its start")

    class Failing(Container):
        slow = providers.Resource(slow_to_stop)
        failing = providers.Resource(fail)

    with listen("127.0.0.1", 0) as listener, pytest.raises(ValueError, match="at its start"):
        await serve(create_application(Failing()), listener, shutdown_timeout=5)


async def test_a_start_that_somebody_else_cancels_is_cancelled():
    begun = asyncio.Event()

    async def never() -> None:
        begun.set()
        await asyncio.Event().wait()

    class Starting(Container):
        slow = providers.Resource(never)

    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve(create_application(Starting()), listener, shutdown_timeout=5))
        await begun.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving


async def test_the_application_is_not_ready_once_a_crash_is_about_to_end_it():
    container = Application()
    readiness = create_application(container).state.readiness
    await container.init_resources()
    container.worker().crash.set()
    await container.worker().crashed.wait()
    await asyncio.sleep(0)
    assert await readiness.obstacles() == ["the background task working crashed, and the application is to be stopped"]
    with pytest.raises(BackgroundTaskError):
        await container.shutdown_resources()
