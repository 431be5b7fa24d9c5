"""Those who give up in the very moment in which a connection is given to them."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.schema import SchemaManager
from tests.integration.moments import until

# Roles that every server has; any would do.
ROLES = {"users": "pg_monitor", "orders": "pg_read_all_data"}


@pytest.mark.parametrize("is_given_first", [True, False], ids=["given first", "given up first"])
async def test_what_was_given_to_somebody_who_gave_up_speaks_for_nobody_else(open_pool, is_given_first):
    pool = await open_pool(max_size=1)
    pool.set_roles(ROLES)
    orders = SchemaManager(pool, schema="orders")
    holder = await pool.acquire("users")
    waiting = asyncio.create_task(orders.fetchval("SELECT 1"))
    await until(lambda: pool.statistics().waiting == 1)

    # Releasing a clean connection acts at once, and so does a cancellation; the task learns of both later.
    if is_given_first:
        await pool.release(holder)
        waiting.cancel()
    else:
        waiting.cancel()
        await pool.release(holder)
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await orders.fetchval("SELECT current_user::text") == ROLES["orders"]
    assert pool.statistics().in_use == 0


async def test_what_was_given_to_somebody_who_gave_up_goes_to_the_next_in_the_queue(open_pool):
    pool = await open_pool(max_size=1)
    pool.set_roles(ROLES)
    holder = await pool.acquire("users")
    orders, users = (SchemaManager(pool, schema=service) for service in ("orders", "users"))
    waiting = [asyncio.create_task(db.fetchval("SELECT current_user::text")) for db in (orders, orders, users)]
    await until(lambda: pool.statistics().waiting == 3)

    await pool.release(holder)
    waiting[0].cancel()

    assert (await asyncio.gather(*waiting[1:])) == [ROLES["orders"], ROLES["users"]]
