from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

import pytest

from examples.worker.main import Settings, WorkerContainer
from poolhouse.container import LifecycleState


class RolledBack(Exception):
    """Ends a transaction."""


class Slow:
    """A craft whose jobs take as long as the test wants."""

    def __init__(self):
        self.begun = asyncio.Queue()
        self.may_end = asyncio.Event()
        self.done = []

    async def do(self, job):
        self.begun.put_nowait(job)
        await self.may_end.wait()
        self.done.append(job)


@pytest.fixture
def craft():
    return Slow()


@pytest.fixture
def container(database_settings, craft):
    return WorkerContainer(settings=Settings(database=database_settings), craft=craft)


async def test_jobs_are_done_as_they_come(container, craft):
    craft.may_end.set()
    async with container:
        for job in ("one", "two"):
            await container.jobs().add(job)
            assert await craft.begun.get() == job
    assert craft.done == ["one", "two"]


async def test_a_job_of_a_transaction_that_was_rolled_back_is_never_begun(container, craft):
    craft.may_end.set()
    async with container:
        with suppress(RolledBack):
            async with container.db().transaction():
                await container.jobs().add("never")
                raise RolledBack
        await container.jobs().add("this one")
        assert await craft.begun.get() == "this one"


async def test_a_worker_that_is_stopped_finishes_the_job_it_has_begun(container, craft):
    await container.init_resources()
    await container.jobs().add("begun")
    await container.jobs().add("left")
    await craft.begun.get()
    stopping = asyncio.create_task(container.shutdown_resources())
    while container.state is not LifecycleState.STOPPING:  # noqa: ASYNC110 - a state tells nobody
        await asyncio.sleep(0)
    craft.may_end.set()
    await stopping
    assert craft.done == ["begun"]


@pytest.fixture
async def process(database_settings, request):
    variables = {
        "WORKER_DATABASE__DSN": database_settings.dsn.get_secret_value(),
        "WORKER_DATABASE__ROLE_PREFIX": database_settings.role_prefix,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "examples.worker.main"),
        cwd=request.config.rootpath,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.communicate()


async def test_a_worker_ends_well_on_a_signal(process):
    assert await process.stdout.readline() == b"working\n"
    process.send_signal(signal.SIGTERM)
    assert await process.communicate() == (b"", b"")
    assert process.returncode == 0
