"""Opening the pool: what it waits for, what it refuses, and what it leaves behind."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import traceback
import uuid
from itertools import count

import asyncpg
import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    DatabaseMissingError,
    PoolhouseError,
    PoolStateError,
    ServerUnavailableError,
)
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings
from poolhouse.testing.databases import with_database
from tests.integration.at_once import run
from tests.integration.moments import NOISE, interrupt

PASSWORD = "c4n4ry"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def everything(error):
    """All that a log, a debugger or a crash report could show of an error, its context included."""
    texts, seen = [*traceback.format_exception(error)], error
    while seen is not None:
        texts += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "".join(texts)


async def refusal(pool: SharedPool) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as caught:
        await pool.open()
    assert not pool.is_open
    assert PASSWORD not in f"{everything(caught.value)}{pool!r}{pool.address}{pool.settings!r}"
    return caught.value


@pytest.fixture(scope="module")
def guarded():
    """The DSN of a server that asks the role `shop` for its password."""
    server = EmbeddedPostgres(temporary=True)

    async def prepare():
        await server.open()
        connection = await asyncpg.connect(server.dsn)
        await connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}-right'")
        await connection.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 1")
        rules = "VALUES ('local all shop scram-sha-256'), ('host all shop all scram-sha-256'), ('local all all trust')"
        await connection.execute(f"COPY ({rules}) TO '{await connection.fetchval('SHOW hba_file')}'")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()

    run(prepare())
    yield server.dsn
    run(server.close())


def as_role(dsn: str, role: str) -> str:
    return dsn.replace("://postgres@", f"://{role}@")


async def test_a_wrong_password_is_refused_at_once(guarded):
    pool = SharedPool(DatabaseSettings(dsn=as_role(guarded, f"shop:{PASSWORD}"), startup_timeout=30))
    begun = time.monotonic()

    error = await refusal(pool)

    assert isinstance(error, AuthenticationError)
    assert 'password authentication failed for user "shop"' in str(error)
    assert "Check the role and the password" in str(error)
    assert pool.address in str(error)
    assert time.monotonic() - begun < 2


async def test_the_right_password_is_taken(guarded):
    pool = SharedPool(DatabaseSettings(dsn=as_role(guarded, f"shop:{PASSWORD}-right")))

    await pool.open()
    try:
        await pool.check()
        assert PASSWORD not in f"{pool!r}{pool.address}"
    finally:
        await pool.close()


async def test_a_server_without_room_is_waited_for_and_then_named_full(guarded):
    settings = DatabaseSettings(dsn=as_role(guarded, "few"), min_size=2, startup_timeout=0.3)

    error = await refusal(SharedPool(settings))

    assert isinstance(error, ServerUnavailableError)
    assert "takes no connection" in str(error)
    assert "too many connections for role" in str(error)
    assert "Lower max_size" in str(error)


async def test_building_a_pool_needs_no_loop_and_no_server(settings):
    pool = await asyncio.to_thread(SharedPool, settings(dsn="postgresql://nowhere.invalid/shop"))

    assert not pool.is_open
    assert repr(pool) == "<SharedPool new, nowhere.invalid/shop, 0 of 3 connections>"


async def test_a_pool_that_is_not_open_leases_nothing(settings):
    pool = SharedPool(settings())

    with pytest.raises(PoolStateError, match=r"not open, it is new\. Start its container"):
        await pool.acquire("users")
    with pytest.raises(PoolStateError):
        await pool.check()


async def test_opening_twice_opens_once(settings, observer):
    pool = SharedPool(settings(min_size=2))

    await pool.open()
    await pool.open()

    try:
        assert pool.is_open
        await observer.sees(2)
    finally:
        await pool.close()


async def test_many_that_open_at_once_share_one_opening(settings, observer):
    pool = SharedPool(settings(min_size=3))

    await asyncio.gather(*(pool.open() for _ in range(20)))

    try:
        await observer.sees(3)
    finally:
        await pool.close()
    await observer.sees(0)


async def test_a_pool_that_was_closed_can_be_opened_again(settings, observer):
    pool = SharedPool(settings())
    for _ in range(3):
        await pool.open()
        await pool.check()
        await pool.close()
        assert not pool.is_open

    await observer.sees(0)


async def test_a_pool_can_be_opened_in_one_loop_after_another(settings):
    pool = SharedPool(settings())

    async def life():
        await asyncio.gather(pool.open(), pool.open())
        await pool.check()
        await asyncio.gather(pool.close(), pool.close())

    for _ in range(2):
        await asyncio.to_thread(asyncio.run, life())

    assert not pool.is_open


async def test_a_pool_without_a_dsn_says_so():
    error = await refusal(SharedPool(DatabaseSettings()))

    assert isinstance(error, ConfigurationError)
    assert "no DSN" in str(error)


async def test_the_dsn_may_come_from_a_server_that_runs_only_later(postgres, settings):
    class Server:
        dsn = None

    server = Server()
    pool = SharedPool(settings(dsn=None), server=server)
    assert pool.address == "no address yet"

    server.dsn = postgres
    await pool.open()

    try:
        await pool.check()
        assert pool.address.startswith("postgres@")
    finally:
        await pool.close()


async def test_a_database_that_is_missing_is_refused_at_once(postgres):
    begun = time.monotonic()
    error = await refusal(SharedPool(DatabaseSettings(dsn=with_database(postgres, "n0where"))))

    assert isinstance(error, DatabaseMissingError)
    assert 'database "n0where" does not exist' in str(error)
    assert "Create it, or name another" in str(error)
    assert time.monotonic() - begun < 2


async def test_a_role_that_is_missing_is_refused_at_once(postgres):
    error = await refusal(SharedPool(DatabaseSettings(dsn=as_role(postgres, f"nobody:{PASSWORD}"))))

    assert isinstance(error, AuthenticationError)


async def test_a_port_where_nobody_listens_is_given_up_after_the_limit(settings):
    dsn = f"postgresql://shop:{PASSWORD}@127.0.0.1:{free_port()}/shop"
    begun = time.monotonic()

    error = await refusal(SharedPool(settings(dsn=dsn, startup_timeout=0.5)))

    assert isinstance(error, ServerUnavailableError)
    assert error.retryable
    assert "shop@127.0.0.1:" in str(error)
    assert "connection refused" in str(error)
    assert "or raise startup_timeout" in str(error)
    assert 0.4 < time.monotonic() - begun < 0.6 + NOISE


async def test_a_host_without_an_address_is_named(settings):
    dsn = f"postgresql://shop:{PASSWORD}@nowhere.invalid/shop"

    error = await refusal(SharedPool(settings(dsn=dsn, startup_timeout=0.1)))

    assert isinstance(error, ServerUnavailableError)
    assert "nowhere.invalid" in str(error)


async def test_a_socket_that_is_missing_is_named(settings, tmp_path):
    dsn = f"postgresql://shop:{PASSWORD}@/shop?host={tmp_path}"

    error = await refusal(SharedPool(settings(dsn=dsn, startup_timeout=0.1)))

    assert isinstance(error, ServerUnavailableError)
    assert str(tmp_path) in str(error)


async def test_a_server_that_accepts_and_never_answers_is_given_up_after_the_limit(gate, settings):
    gate.hold()
    begun = time.monotonic()

    error = await refusal(SharedPool(settings(dsn=gate.dsn, startup_timeout=0.5)))

    assert isinstance(error, ServerUnavailableError)
    assert "no answer in time" in str(error)
    assert 0.4 < time.monotonic() - begun < 0.6 + NOISE


async def test_something_that_is_no_postgresql_is_named(settings):
    async def answer(_reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = "{}:{}".format(*server.sockets[0].getsockname())

    error = await refusal(SharedPool(settings(dsn=f"postgresql://shop:{PASSWORD}@{address}/shop", startup_timeout=0.1)))

    server.close()
    assert isinstance(error, ConnectError | ConfigurationError)
    assert address in str(error)


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://shop:{PASSWORD}@127.0.0.1:99999/shop",
        f"postgresql://shop:{PASSWORD}@127.0.0.1:port/shop",
        f"postgresql://shop:{PASSWORD}/x@127.0.0.1/shop",
        f"postgresql://shop:x/{PASSWORD}@127.0.0.1/shop",
        f"postgresql://shop:x#{PASSWORD}@127.0.0.1/shop",
        f"postgresql://shop:{PASSWORD}@[::1/shop",
        f"postgresql://shop:{PASSWORD}@{'x' * 64}.example/shop",
        f"postgresql://shop:{PASSWORD}@a..b/shop",
        f"postgresql://shop@127.0.0.1/shop?sslmode={PASSWORD}",
    ],
)
async def test_a_dsn_that_makes_no_sense_is_a_fault_of_the_configuration(dsn):
    begun = time.monotonic()

    error = await refusal(SharedPool(DatabaseSettings(dsn=dsn)))

    assert isinstance(error, ConfigurationError)
    assert "Percent-encode" in str(error)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(("parameter", "named"), [("work_mem", "work_mem"), ("passwrd", "passwrd")])
async def test_a_parameter_that_the_server_refuses_is_named_without_its_value(postgres, settings, parameter, named):
    mark = "&" if "?" in postgres else "?"

    error = await refusal(SharedPool(settings(dsn=f"{postgres}{mark}{parameter}={PASSWORD}")))

    assert isinstance(error, ConnectError)
    assert named in str(error)


async def test_encryption_that_the_server_does_not_offer_is_not_waited_for(gate, settings):
    begun = time.monotonic()

    error = await refusal(SharedPool(settings(dsn=gate.dsn.replace("=disable", "=require"))))

    assert isinstance(error, ConnectError)
    assert "Mend sslmode" in str(error)
    assert time.monotonic() - begun < 2


class Waiting(logging.Handler):
    """Sees the moment from which the pool waits for its server."""

    def __init__(self):
        super().__init__()
        self.has_begun = asyncio.Event()
        self.said = ""

    def emit(self, record):
        self.said = record.getMessage()
        self.has_begun.set()


@pytest.fixture
def waiting():
    handler = Waiting()
    logger = logging.getLogger("poolhouse.pool")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def test_a_server_that_comes_up_late_is_waited_for(gate, settings, waiting):
    await gate.close()
    pool = SharedPool(settings(dsn=gate.dsn))

    opening = asyncio.create_task(pool.open())
    await waiting.has_begun.wait()
    await gate.open(gate.port)
    await opening

    try:
        await pool.check()
        assert waiting.said.startswith("Waiting up to 5 s for the PostgreSQL at postgres@127.0.0.1:")
    finally:
        await pool.close()


async def test_waiting_for_a_server_can_be_cancelled_and_begun_again(gate, settings, waiting, observer):
    await gate.close()
    pool = SharedPool(settings(dsn=gate.dsn))
    opening = asyncio.create_task(pool.open())
    await waiting.has_begun.wait()

    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await gate.open(gate.port)
    await pool.open()

    await pool.check()
    await pool.close()
    await observer.sees(0)


async def test_closing_before_opening_does_nothing(settings):
    pool = SharedPool(settings())

    await pool.close()
    await pool.open()

    assert pool.is_open
    await pool.close()
    await pool.close()


async def test_an_opening_that_cannot_have_all_its_connections_keeps_none(guarded_by_limit, settings, observer):
    error = await refusal(SharedPool(settings(dsn=guarded_by_limit, min_size=3, startup_timeout=0.3)))

    assert isinstance(error, ServerUnavailableError)
    await observer.sees(0)


@pytest.fixture
async def guarded_by_limit(postgres):
    """A DSN with a role that may connect twice at a time."""
    connection = await asyncpg.connect(postgres)
    role = f"limited_{uuid.uuid4().hex}"
    await connection.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 2")
    yield as_role(postgres, role)
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


async def test_cancelled_anywhere_opening_leaves_no_connection(settings, observer):
    for at in count(1):
        pool = SharedPool(settings(min_size=3))
        was_interrupted, outcome = await interrupt(pool.open(), at=at)
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
        assert not pool.is_open
        await observer.sees(0)
    assert outcome is None
    await pool.close()
    await observer.sees(0)


async def test_cancelled_at_any_moment_of_connecting_opening_leaves_no_connection(settings, observer):
    # The attempts to connect are tasks of their own; so here the loop's turns are counted.
    for turns in (round(1.15**power) for power in count()):
        pool = SharedPool(settings(min_size=3))
        opening = asyncio.create_task(pool.open())
        for _ in range(turns):
            await asyncio.sleep(0)
        if not opening.cancel():
            break
        await asyncio.gather(opening, return_exceptions=True)
        assert not pool.is_open
        await observer.sees(0)
    await opening
    await pool.close()
    await observer.sees(0)
