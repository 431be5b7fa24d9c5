from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from poolhouse.migrations.catalogue import catalogue_of
from poolhouse.migrations.files import load_folder
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings
from tests.integration.at_once import execute, run

EVERYTHING = Path(__file__).parent / "everything"


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
def everything(new_database):
    """A database whose schema `shop` has everything in it, for tests that change it in transactions only.

    It is a pair: its DSN, and the catalogue of a replay of the same files.
    """
    with new_database() as dsn:
        yield dsn, run(make(dsn))
