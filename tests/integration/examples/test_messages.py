"""What the documentation shows of services with work in the background, on a real server."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from dependency_injector import providers

from docs.examples.messages import MessagesContainer, PricesContainer
from poolhouse.container import BackgroundTaskCrashed, Container, TaskState, background_tasks
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings


class Mailbox:
    """Keeps what is sent, in the middle of which a test may stop it or let it fail."""

    def __init__(self):
        self.sent = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.faults = []

    async def do(self, text):
        self.begun.set()
        await self.may_end.wait()
        if self.faults:
            raise self.faults.pop()
        self.sent.append(text)


class Application(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    mailbox = providers.Singleton(Mailbox)
    pool = providers.Resource(SharedPool, settings)
    messages = providers.Container(MessagesContainer, pool=pool, mailbox=mailbox)
    prices = providers.Container(PricesContainer, pool=pool)


@pytest.fixture
def application(database_settings, tmp_path, monkeypatch):
    prices = tmp_path / "migrations/prices/0001_create_prices.sql"
    prices.parent.mkdir(parents=True)
    prices.write_text("CREATE TABLE {{tables.prices}} AS SELECT 'tea' AS sku, 3 AS price")
    monkeypatch.chdir(tmp_path)
    return Application(settings=database_settings)


async def left(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM messages.jobs")
    finally:
        await connection.close()


async def add_before_the_start(application, text):
    with application.messages.delivery.override(None):
        async with application:
            assert background_tasks(application) == ()
            await application.messages.service().add(text)


async def test_a_service_with_open_and_close_is_opened_after_its_migrations_and_closed_before_the_pool(application):
    async with application:
        prices = application.prices.service()
        assert prices.of("tea") == 3
        names = [step.name for step in application.report.steps]
        assert names.index("migrations") < names.index("prices.service")
    with pytest.raises(KeyError):
        prices.of("tea")


async def test_messages_are_sent_in_the_background(application, database):
    await add_before_the_start(application, "hello")
    async with application:
        await application.mailbox().begun.wait()
    assert application.mailbox().sent == ["hello"]
    assert await left(database) == 0


async def test_a_stop_waits_for_the_message_that_is_being_sent_and_for_its_transaction(application, database):
    await add_before_the_start(application, "hello")
    mailbox = application.mailbox()
    mailbox.may_end.clear()
    await application.init_resources()
    await mailbox.begun.wait()
    stopping = asyncio.create_task(application.shutdown_resources())
    await asyncio.sleep(0)
    mailbox.may_end.set()
    await stopping
    assert mailbox.sent == ["hello"]
    assert await left(database) == 0


async def test_a_message_that_could_not_be_sent_is_kept_and_sent_after_the_restart(application, database):
    await add_before_the_start(application, "hello")
    mailbox = application.mailbox()
    mailbox.faults.append(OSError("no mail today"))
    crashes = []
    application.subscribe(BackgroundTaskCrashed, crashes.append)
    async with application:
        while not mailbox.sent:  # noqa: ASYNC110 - the example has no event for it
            await asyncio.sleep(0.01)
        (task,) = background_tasks(application)
        assert (task.name, task.state, task.crashes) == ("messages.delivery", TaskState.RUNNING, 1)
    assert [(crash.name, crash.restart_in) for crash in crashes] == [("messages.delivery", 1.0)]
    assert await left(database) == 0
