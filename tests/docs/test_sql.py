"""Every block of SQL of every page, run on a server that has the reference application in it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.testing.databases import with_database
from tests.docs.pages import ROOT, blocks, is_passage, pages, texts

FILES = texts(".sql", ".py")


def is_to_be_run(block):
    # What has a caption is written into a file by test_sessions.
    return block.language == "sql" and "caption" not in block.options and not is_passage(block.body, FILES)


PAGES = {page: found for page in pages() if (found := [each for each in blocks(page) if is_to_be_run(each)])}


@pytest.fixture(scope="module")
def server():
    """Give the DSN of a server that is nobody else's, since pages change the settings of servers."""
    embedded = EmbeddedPostgres(temporary=True)

    async def prepare():
        await embedded.open()
        await execute(embedded.dsn, "CREATE ROLE shop LOGIN", "CREATE DATABASE shop OWNER shop")
        settings = Settings(database={"dsn": dsn_of(embedded.dsn)}, profile="test")
        async with ApplicationContainer(settings=settings):
            pass

    with asyncio.Runner() as runner:
        runner.run(prepare())
        yield dsn_of(embedded.dsn)
        runner.run(embedded.close())


def dsn_of(dsn):
    return with_database(dsn, "shop")


async def execute(dsn, *statements):
    connection = await asyncpg.connect(dsn)
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_server_understands_and_does_what_a_page_tells_it(page, server):
    statements = (each for block in PAGES[page] for each in block.body.split(";\n"))
    asyncio.run(execute(server, *filter(str.strip, statements)))
