"""One service is busy; when is another one served?"""

from __future__ import annotations

import asyncio

from poolhouse import SchemaManager, SharedPool


async def test_asyncpg_pool(pool):
    # begin: asyncpg
    served = []

    async def call(service, sql):
        await pool.fetchval(sql)
        served.append(service)

    await asyncio.gather(
        *(call("reports", "SELECT pg_sleep(0.01)") for _ in range(50)),
        call("orders", "SELECT 1"),
    )
    assert served.index("orders") == 50  # behind all of them
    # end: asyncpg


async def test_poolhouse(database_settings):
    shared = SharedPool(database_settings.model_copy(update={"min_size": 1, "max_size": 1}))
    await shared.open()
    managers = {service: SchemaManager(shared, schema=service) for service in ("reports", "orders")}
    served = []

    async def call(service, sql):
        await managers[service].fetchval(sql)
        served.append(service)

    # begin: poolhouse
    await asyncio.gather(
        *(call("reports", "SELECT pg_sleep(0.01)") for _ in range(50)),
        call("orders", "SELECT 1"),
    )
    assert served.index("orders") < 3  # its turn comes after that of `reports`, not after all its calls
    # end: poolhouse
    await shared.close()
