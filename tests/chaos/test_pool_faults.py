"""The pool under load, while everything fails that can fail: the network, the server's processes, the server."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from poolhouse.errors import PoolhouseError
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.chaos.campaign import sizes
from tests.chaos.pool_faults import Faults
from tests.chaos.pool_load import ACQUIRE_TIMEOUT, COMMAND_TIMEOUT, CONNECT_TIMEOUT, SERVICES, Load, prepare
from tests.chaos.pool_record import Record
from tests.chaos.replicated_server import ReplicatedServer
from tests.integration.fault_proxy import FaultProxy

APPLICATION = "poolhouse campaign"
MAX_SIZE = 6
LIMITS = {"users": 3}
# The longest that the pool may take until every service is served again, once a fault is over. A connection that a
# router has forgotten is found out by nothing but a statement's limit.
RECOVERY = 4.0
QUIET = 5.0
# So many of the violations are shown.
SHOWN = 25


def settings(proxies) -> DatabaseSettings:
    hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
    attributes = "&target_session_attrs=read-write" if len(proxies) > 1 else ""
    return DatabaseSettings.model_validate(
        {
            "dsn": f"postgresql://postgres@{hosts}/postgres?sslmode=disable{attributes}",
            "application_name": APPLICATION,
            "min_size": 2,
            "max_size": MAX_SIZE,
            "max_connections": LIMITS,
            "acquire_timeout": ACQUIRE_TIMEOUT,
            "command_timeout": COMMAND_TIMEOUT,
            "connect_timeout": CONNECT_TIMEOUT,
            "drain_timeout": 2.0,
        }
    )


async def recover(pool: SharedPool, record: Record) -> None:
    """Return as soon as every service is served."""
    begun = time.monotonic()

    async def probe(service: str) -> None:
        db, token = SchemaManager(pool, schema=service), f"{service}/probe/{begun}"
        while time.monotonic() - begun < RECOVERY:
            asked = time.monotonic()
            try:
                found = await db.fetchval("SELECT $1::text", token, timeout=1.0)
            except Exception as error:  # noqa: BLE001 - judged by the record
                record.error("probe", error, token)
                await asyncio.sleep(0.005)
            else:
                record.expect("probe", found, token)
                return
            finally:
                record.waited("probe", 1.0, asked)
        record.violate(f"{service} was not served {RECOVERY} s after the fault")

    await asyncio.gather(*map(probe, SERVICES))
    for service, limit in LIMITS.items():
        in_use = pool.statistics().services[service].in_use
        record.expect(f"{service}'s uses above its limit", max(in_use - limit, 0), 0)
    record.recoveries.append(time.monotonic() - begun)


async def connections(observer: asyncpg.Connection[Any], *, where: str = "true") -> int:
    query = f"SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, $1) AND {where}"
    return await observer.fetchval(query, APPLICATION)


async def accounts(pool: SharedPool, observer: asyncpg.Connection[Any]) -> dict[str, int]:
    """Return what the pool and the server count; all of it is 0 in the end, as nothing is in use."""
    statistics = pool.statistics()
    services = statistics.services.values()
    return {
        "in use": statistics.in_use,
        "in use by services": sum(service.in_use for service in services),
        "waiting": statistics.waiting,
        "neither idle nor in use": statistics.size - statistics.idle,
        "more than max_size": max(statistics.size - MAX_SIZE, 0),
        "known to the server alone": await connections(observer) - statistics.size,
        "not idle on the server": await connections(observer, where="state <> 'idle'"),
    }


async def check_accounts(pool: SharedPool, observer: asyncpg.Connection[Any], record: Record) -> None:
    begun = time.monotonic()
    # The server has no event for the moment in which it learns that a client is gone.
    while any((found := await accounts(pool, observer)).values()) and time.monotonic() - begun < QUIET:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.02)
    record.expect("accounts", {name: value for name, value in found.items() if value}, {})


async def close(pool: SharedPool, record: Record) -> None:
    try:
        await pool.close()
    except PoolhouseError as error:
        record.violate(f"close: {type(error).__name__}: {error}")


def watch_loop(record: Record) -> None:
    """Take what nobody awaited for a violation; but count what the driver itself awaited no longer."""

    def report(_: object, context: dict[str, Any]) -> None:
        failed, error = context.get("future"), context.get("exception")
        if isinstance(error, asyncpg.ConnectionDoesNotExistError) and not isinstance(failed, asyncio.Task):
            record.forgotten_by_driver += 1
            return
        record.violate(f"the loop: {context['message']}: {error!r} of {failed!r:.200}")

    asyncio.get_running_loop().set_exception_handler(report)


@sizes("faults, hosts", (15, 1), (500, 1), (200, 2), seconds=1800)
async def test_the_pool_recovers_by_itself_and_mixes_nothing_up(programs, random_of, record_property, faults, hosts):
    chance, record = random_of("faults"), Record()
    watch_loop(record)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ReplicatedServer(programs))
        preparing = await server.connect()
        await prepare(preparing)
        await preparing.close()
        nodes = [server.primary, server.standby][:hosts]
        proxies = [await stack.enter_async_context(FaultProxy(node.address)) for node in nodes]
        pool = SharedPool(settings(proxies))
        roles = {service: f"svc_{service}" for service in SERVICES} if hasattr(pool, "set_roles") else {}
        if roles:
            pool.set_roles(roles)
        await pool.open()
        stack.push_async_callback(pool.close)
        await stack.enter_async_context(record)
        before = asyncio.all_tasks()
        async with Load(pool, record, seed=f"{chance.random()}", roles=roles) as load:
            doing = Faults(server, proxies, load, record, chance, application=APPLICATION)
            await asyncio.sleep(0.2)
            for kind in chance.choices([*doing.kinds], [*doing.kinds.values()], k=faults):
                record.fault, load.is_low = kind.__name__, chance.random() < 0.4
                record.faults[kind.__name__] += 1
                await doing.do(kind)
                await recover(pool, record)
                await doing.mend()
                await asyncio.sleep(chance.uniform(0, 0.1))
                if len(record.violations) > SHOWN:
                    break
            record.fault = "the end"
        observer = await server.connect()
        await check_accounts(pool, observer, record)
        services = pool.statistics().services.items()
        record_property("uses, and hand-offs", {name: (each.acquired, each.hand_offs) for name, each in services})
        await load.check(observer)
        await close(pool, record)
        gc.collect()
        record.expect("tasks left", [task.get_coro() for task in asyncio.all_tasks() - before], [])
        record.expect("connections left", await connections(observer), 0)
        await observer.close()
        record_property("server", server.version)
    summary = record.summary()
    for name, value in summary.items():
        record_property(name, value)
    if record.violations:
        lines = [*record.violations[:SHOWN], "", *(f"{name}: {value}" for name, value in summary.items())]
        pytest.fail("\n".join(lines), pytrace=False)
