from __future__ import annotations

import asyncpg
import pytest


@pytest.fixture
async def pool(database):
    """Give asyncpg's own pool, with one connection, so that whoever comes next gets that one."""
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as opened:
        yield opened
