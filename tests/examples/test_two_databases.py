from __future__ import annotations

import asyncio

import asyncpg
import pytest

from examples.two_databases.main import Settings, TwoDatabases


@pytest.fixture
def settings(database_settings, other_database_settings):
    return Settings(database=database_settings, archive=other_database_settings)


@pytest.fixture
async def application(settings):
    async with TwoDatabases(settings=settings) as container:
        yield container


async def test_each_service_has_its_own_database(application, settings):
    await application.sales().sell("tea")
    await application.archive().catch_up()
    for section, schema in ((settings.database, "sales"), (settings.archive, "archive")):
        connection = await asyncpg.connect(section.dsn.get_secret_value())
        try:
            found = await connection.fetch("SELECT schemaname FROM pg_tables WHERE tablename = 'sales'")
        finally:
            await connection.close()
        assert [row["schemaname"] for row in found] == [schema]


async def test_the_archive_catches_up_from_where_it_was(application):
    for article in ("tea", "cups", "pots"):
        await application.sales().sell(article)
    assert await application.archive().catch_up(batch=2) == 3
    await application.sales().sell("spoons")
    assert await application.archive().catch_up(batch=2) == 1
    assert await application.archive().catch_up() == 0


async def test_catching_up_may_be_interrupted_anywhere(application):
    for number in range(20):
        await application.sales().sell(f"article {number}")
    interrupted = asyncio.create_task(application.archive().catch_up(batch=3))
    while await application.archive_db().fetchval("SELECT count(*) FROM {{tables.sales}}") < 6:  # noqa: ASYNC110 - the copying tells nobody
        await asyncio.sleep(0)
    interrupted.cancel()
    await asyncio.wait([interrupted])
    await application.archive().catch_up()
    rows = await application.archive_db().fetch("SELECT article FROM {{tables.sales}} ORDER BY id")
    assert [row["article"] for row in rows] == [f"article {number}" for number in range(20)]


async def test_a_sale_that_is_committed_after_a_later_one_is_kept_as_well(application):
    db, sales = application.sales_db(), application.sales()
    async with db.transaction():
        await sales.sell("tea")
        await asyncio.create_task(sales.sell("cups"))
        catching_up = asyncio.create_task(application.archive().catch_up())
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        while not catching_up.done() and not await db.fetchval(waits):  # noqa: ASYNC110 - the server tells nobody who waits
            await asyncio.sleep(0)
    assert await catching_up == 2
