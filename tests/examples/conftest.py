from __future__ import annotations

import asyncpg
import pytest
from pydantic import SecretStr

from poolhouse.testing.databases import with_database


@pytest.fixture
async def other_database_settings(postgres, database, database_settings):
    """Give settings of a second database beside the test's own."""
    name = f"{database.rpartition('/')[2].partition('?')[0]}_other"
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        dsn = SecretStr(with_database(postgres, name))
        yield database_settings.model_copy(update={"dsn": dsn, "max_size": 2})
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()
