from __future__ import annotations

from poolhouse import DatabaseSettings, SchemaManager, SharedPool


def test_a_service_can_be_limited():
    # begin: settings
    settings = DatabaseSettings(dsn="postgresql://shop@db/shop", max_size=10, max_connections={"reports": 2})
    # end: settings
    assert settings.max_connections["reports"] == 2


async def test_the_pool_knows_about_itself(database_settings):
    pool = SharedPool(database_settings)
    await pool.open()
    reports = SchemaManager(pool, schema="reports")
    await reports.fetchval("SELECT 1")
    # begin: statistics
    now = pool.statistics()
    print(f"{now.size} of {now.max_size} connections, {now.idle} idle, {now.waiting} calls wait")
    for service, part in now.services.items():
        print(f"{service}: {part.acquired} uses, {part.hand_offs} hand-offs, longest wait {part.waited_longest:.3f} s")
    # end: statistics
    assert now.services["reports"].acquired == 1
    await pool.close()
