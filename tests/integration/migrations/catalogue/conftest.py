from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from poolhouse.migrations.catalogue import catalogue_of
from poolhouse.migrations.files import load_folder
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings
from poolhouse.testing.plugin import with_database

EVERYTHING = Path(__file__).parent / "everything"


def run(work):
    """Run a coroutine in a thread of its own, for fixtures that outlive the loop of a test."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def execute(dsn, *statements):
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def connect(dsn, **settings):
    """Return a connection that plans the query of the catalogue once, which takes longer than running it."""
    planning = {"plan_cache_mode": "force_generic_plan"}
    return await asyncpg.connect(dsn, server_settings={**planning, **settings}, max_cacheable_statement_size=0)


async def make(dsn, *, schema="shop"):
    """Return the catalogue of a schema with everything in it, replayed, and leave one behind that was not."""
    pool = SharedPool(DatabaseSettings.model_validate({"dsn": dsn, "max_size": 2}))
    await pool.open()
    try:
        loaded = load_folder(EVERYTHING, module="everything", schema=schema)
        made = await catalogue_of(loaded.files, pool, schema=schema)
    finally:
        await pool.close()
    path = f'SET search_path = "{schema}", public'
    for file in loaded.files:
        # Values of enums must be committed before their use, so each statement of the changes is on its own.
        await execute(dsn, f'CREATE SCHEMA IF NOT EXISTS "{schema}"', *_alone(path, file, schema))
    return made


def _alone(path, file, schema):
    sql = file.rendering(schema, ()).sql
    separate = [statement for statement in sql.split(";\n") if statement.strip()] if "ADD VALUE" in sql else [sql]
    return (path, *separate)


@pytest.fixture(scope="module")
def everything(postgres):
    """A database whose schema `shop` has everything in it, for tests that change it in transactions only.

    It is a pair: its DSN, and the catalogue of a replay of the same files.
    """
    name = f"poolhouse_test_{uuid.uuid4().hex[:16]}"
    run(execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE template0'))
    try:
        dsn = with_database(postgres, name)
        yield dsn, run(make(dsn))
    finally:
        run(execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)'))
