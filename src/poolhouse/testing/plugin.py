"""pytest fixtures for applications on poolhouse; loaded by pytest through the entry point `poolhouse`.

A test that asks for `application` gets the container that `[tool.poolhouse]` names, started on a migrated database.
What it does there is rolled back, or goes with the database, which is a clone of its own where the test is marked with
`@pytest.mark.clone`. All databases are on one server, embedded and throw-away unless POOLHOUSE_TEST_DSN names another
one, on which the role may create databases and roles. Only databases named `poolhouse_test_…` are ever used or dropped.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from poolhouse.settings import DatabaseSettings
from poolhouse.testing.isolation import INI, MARKERS, Isolation, default_of, isolation_of
from poolhouse.testing.loops import ANYIO, OF_ONE_TEST, THREAD, loop_of, running_in, shared_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from poolhouse.container import Container
    from poolhouse.settings import ApplicationSettings
    from poolhouse.testing import Bridge, Overriding, RecordedQueries, SliceOf
    from poolhouse.testing.background_loop import BackgroundLoop
    from poolhouse.testing.blueprint import Blueprint
    from poolhouse.testing.kit import Kit
    from poolhouse.testing.running import Running, RunningTest, SharedApplication

# What is imported inside of fixtures takes a second, and pytest loads this module also where nothing is asked of it.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the configuration choose the isolation of tests without a marker."""
    meaning = "what tests without a marker have the database for themselves by: rollback, or clone"
    parser.addini(INI, meaning, default=Isolation.ROLLBACK)


def pytest_configure(config: pytest.Config) -> None:
    """Check the configuration, and tell of the markers."""
    default_of(config)
    for isolation, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{isolation}: {meaning}")


# The server, and databases that nobody has migrated


@pytest.fixture(scope="session")
def _poolhouse_loop() -> Iterator[BackgroundLoop]:
    from poolhouse.testing.background_loop import BackgroundLoop  # noqa: PLC0415 - see above

    loop = BackgroundLoop("poolhouse: databases of tests")
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, _poolhouse_loop: BackgroundLoop) -> Iterator[str]:
    """Give the DSN of a running server, of its database `postgres`."""
    from poolhouse.testing.server import running_server  # noqa: PLC0415 - see above

    shared: Path | None = None
    if hasattr(request.config, "workerinput"):
        folder: Path = request.getfixturevalue("tmp_path_factory").getbasetemp().parent
        shared = folder / "poolhouse"
    with running_server(_poolhouse_loop, shared) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def _poolhouse_kit(postgres: str, _poolhouse_loop: BackgroundLoop) -> Iterator[Kit]:
    from poolhouse.testing.kit import Kit  # noqa: PLC0415 - see above

    with Kit(postgres, _poolhouse_loop) as kit:
        yield kit


@pytest.fixture(scope="session")
def new_database(_poolhouse_kit: Kit) -> Callable[[], AbstractContextManager[str]]:
    """Give what makes an empty database for the time of a block, and gives its DSN.

    It is dropped with the block, whoever is still connected to it, and so are the roles of services that work in it.
    """
    return _poolhouse_kit.empty


@pytest.fixture
def database(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """Give the DSN of a fresh, empty database of the test's own."""
    with new_database() as dsn:
        yield dsn


@pytest.fixture
def database_settings(database: str) -> DatabaseSettings:
    """Give settings of a pool on the test's own empty database, with short waits and with roles of its own."""
    from poolhouse.testing.databases import role_prefix  # noqa: PLC0415 - see above

    waits = {"startup_timeout": 5.0, "drain_timeout": 2.0, "acquire_timeout": 5.0}
    settings = {"dsn": database, "max_size": 5, **waits, "role_prefix": role_prefix(database)}
    return DatabaseSettings.model_validate(settings)


# The application


@pytest.fixture(scope="session")
def application_container(pytestconfig: pytest.Config) -> Callable[..., Container]:
    """Give the class of the application's container; override it to test another one.

    It is called with `settings=`, whose database is a test's, and may be any function that returns a container.
    """
    from poolhouse.testing.application import container_of  # noqa: PLC0415 - see above

    return container_of(pytestconfig.rootpath)


@pytest.fixture(scope="session")
def application_settings(pytestconfig: pytest.Config) -> ApplicationSettings:
    """Give the settings of the application, of the profile `test`; override it to set others.

    Each test gets a copy that leads to its own database.
    """
    from poolhouse.testing.application import settings_of  # noqa: PLC0415 - see above

    return settings_of(pytestconfig.rootpath)


@pytest.fixture
def _application_blueprint(
    _poolhouse_kit: Kit, application_container: Callable[..., Container], application_settings: ApplicationSettings
) -> Blueprint:
    # For each test, since a module or a class may override what it is made of; the kit keeps those that it knows.
    return _poolhouse_kit.blueprint(application_container, application_settings)


@pytest.fixture
def queries() -> RecordedQueries:
    """Record what the test asks of the database, from all containers that are started in it."""
    from poolhouse.testing.queries import RecordedQueries  # noqa: PLC0415 - see above

    return RecordedQueries()


@pytest.fixture
def _running_test(request: pytest.FixtureRequest, _poolhouse_kit: Kit) -> Iterator[RunningTest]:
    from poolhouse.testing.running import RunningTest  # noqa: PLC0415 - see above

    is_asked_for = "queries" in request.fixturenames
    recorded: RecordedQueries | None = request.getfixturevalue("queries") if is_asked_for else None
    test = RunningTest(_poolhouse_kit, isolation_of(request.node), recorded)
    yield test
    for refusal in test.refusals:
        request.node.add_report_section("teardown", "poolhouse: refused by the rollback", str(refusal))


@pytest.fixture
def bridge(_poolhouse_loop: BackgroundLoop) -> Iterator[Bridge]:
    """Run asynchronous code in a test that is not asynchronous."""
    from poolhouse.testing.bridge import Bridge  # noqa: PLC0415 - see above

    bridge = Bridge(_poolhouse_loop)
    yield bridge
    bridge.close()


@pytest.fixture
def application(_running_application: Running) -> Container:
    """Give the application's container, started on a migrated database that the test has for itself.

    It runs in the event loop of the test; or in another thread, where the test is not asynchronous (see `bridge`).
    """
    return _running_application.container


@pytest.fixture
def overriding(_running_application: Running) -> Overriding:
    """Give what overrides providers of the application until the test ends, also by resources; see Overriding."""
    from poolhouse.testing.overriding import Overriding  # noqa: PLC0415 - see above

    return Overriding(_running_application)


@pytest.fixture
def slice_of(request: pytest.FixtureRequest, _running_test: RunningTest) -> SliceOf:
    """Give what starts slices of the application, such as one service with stubs for its ports; see SliceOf."""
    from poolhouse.testing.slices import SliceOf  # noqa: PLC0415 - see above

    # Not before they are needed: a slice that stands alone imports nothing of the application.
    return SliceOf(
        _running_test,
        request.config.rootpath,
        application=lambda: request.getfixturevalue("application_container"),
        settings=lambda: request.getfixturevalue("application_settings"),
    )


@pytest.fixture
def _running_application(request: pytest.FixtureRequest) -> Running:
    # Which one is known of each test only, and asynchronous fixtures belong to one loop.
    loop = loop_of(request.node)
    if loop not in OF_ONE_TEST:
        # Here, since within an asynchronous fixture no other can be begun.
        request.getfixturevalue(shared_in(loop))
    running: Running = request.getfixturevalue(running_in(loop))
    return running


# One fixture for each kind of loop


@pytest.fixture(scope="session", name=shared_in(THREAD))
def _shared_in_thread(_poolhouse_kit: Kit, _poolhouse_loop: BackgroundLoop) -> Iterator[SharedApplication]:
    from poolhouse.testing.running import SharedApplication  # noqa: PLC0415 - see above

    shared = SharedApplication(_poolhouse_kit)
    yield shared
    _poolhouse_loop.run(shared.close())


@pytest.fixture(name=running_in(THREAD))
def _in_thread(
    bridge: Bridge,
    _running_test: RunningTest,
    _application_blueprint: Blueprint,
    _shared_application_in_thread_loop: SharedApplication,
) -> Running:
    from poolhouse.testing.running import run_in  # noqa: PLC0415 - see above

    return bridge.enter(run_in(_running_test, _application_blueprint, _shared_application_in_thread_loop))


@pytest.fixture(name=running_in(ANYIO))
async def _under_anyio(_running_test: RunningTest, _application_blueprint: Blueprint) -> AsyncIterator[Running]:
    from poolhouse.testing.running import run_in  # noqa: PLC0415 - see above

    async with run_in(_running_test, _application_blueprint, None) as running:
        yield running


if find_spec("pytest_asyncio") is not None:
    from poolhouse.testing import asyncio_fixtures

    globals().update(asyncio_fixtures.FIXTURES)
