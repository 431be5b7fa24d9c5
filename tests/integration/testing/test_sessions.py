from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.testing.sessions import Project

# Each of these starts an interpreter or more, and imports everything.
pytestmark = [pytest.mark.timeout(180), pytest.mark.processes]

REGISTERS = """
from services.users import NewUser

ADA = NewUser(email="ada@example.com", name="Ada")


async def registers(application):
    assert await application.users.db().fetchval("SELECT count(*) FROM {{tables.users}}") == 0
    await application.users.service().register(ADA)
"""


@pytest.fixture
def project(tmp_path, postgres):
    """A project whose tests use the server of this session."""
    project = Project(tmp_path, postgres)
    project.write("services/registering.py", REGISTERS)
    return project


def all_passed(outcome):
    assert outcome.code == 0, outcome.said
    assert set(outcome.tests.values()) == {"PASSED"}
    return outcome.tests.keys()


STRICT = """
import anyio, pytest
from services.registering import ADA, registers

@pytest.mark.asyncio
async def test_asyncio(application):
    await registers(application)

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("nth", [1, 2])
async def test_asyncio_in_a_loop_for_the_module(application, nth):
    await registers(application)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_anyio(application, anyio_backend):
    async with anyio.create_task_group() as group:
        group.start_soon(registers, application)

def test_neither(application, bridge):
    bridge.run(registers(application))
"""


def test_tests_run_under_pytest_asyncio_in_strict_mode_under_anyio_and_without(project):
    project.write("tests/test_strict.py", STRICT)
    assert len(all_passed(project.run("-o", "asyncio_mode=strict"))) == 5


def test_pytest_asyncio_need_not_be_there(project):
    _, marker, without = STRICT.partition("@pytest.mark.anyio")
    project.write("tests/test_without.py", STRICT.partition("@")[0] + marker + without)
    project.write("pyproject.toml", re.sub("asyncio_default.*", "", (project.folder / "pyproject.toml").read_text()))
    assert len(all_passed(project.run("-p", "no:asyncio"))) == 2


AUTO = """
import pytest
from services.registering import registers

@pytest.fixture
async def users(application):
    await registers(application)
    return application.users

@pytest.mark.parametrize("nth", range(3))
async def test_of_many(users, nth):
    async with users.db().transaction():
        assert await users.db().fetchval("SELECT count(*) FROM {{tables.users}}") == 1

@pytest.mark.clone
async def test_alone(users):
    assert await users.service().get(1)
"""
OPTIONS = {"mode": "auto", "default_fixture_loop_scope": "session", "default_test_loop_scope": "session"}
IN_ONE_LOOP = tuple(word for name, value in OPTIONS.items() for word in ("-o", f"asyncio_{name}={value}"))


def test_one_loop_may_be_all_tests_whatever_the_environment_says(project):
    project.write("tests/test_auto.py", AUTO)
    elsewhere = {"APP_DATABASE__DSN": "postgresql://me:s3cret@127.0.0.1:1/production", "APP_PROFILE": "production"}
    outcome = project.run(*IN_ONE_LOOP, **elsewhere)
    assert len(all_passed(outcome)) == 4
    assert "s3cret" not in outcome.said


# A broken service


STANDALONE = """
from services.registering import ADA

async def test_users(slice_of):
    async with slice_of("users") as users:
        assert await users.container.service().register(ADA)

async def test_the_whole(application):
    pass
"""


def _raises(project):
    project.append("services/orders/__init__.py", '\nraise RuntimeError("orders are broken")\n')


def _does_not_parse(project):
    project.append("containers/orders.py", "\nclass:\n")


def _leaves(project):
    project.append("containers/orders.py", "\nimport sys\nsys.exit(3)\n")


def _is_wired_wrongly(project):
    file = project.folder / "containers/orders.py"
    file.write_text(file.read_text().replace("Factory(Orders, db, users)", "Factory(Orders, db, users, nothing=1)"))


def _has_a_bad_migration(project):
    project.write("migrations/orders/0002_broken.sql", "ALTER TABLE {{tables.nowhere}} ADD COLUMN name text;\n")


@pytest.mark.parametrize(
    "break_orders",
    [
        _raises,
        _has_a_bad_migration,
        *(pytest.param(each, marks=pytest.mark.processes) for each in (_does_not_parse, _leaves, _is_wired_wrongly)),
    ],
)
def test_a_broken_service_never_fails_a_standalone_test_of_another(project, break_orders):
    break_orders(project)
    project.write("tests/test_slices.py", STANDALONE)
    outcome = project.run("-o", "asyncio_mode=auto")
    assert outcome.tests == {"test_users": "PASSED", "test_the_whole": "ERROR"}, outcome.said


# What is said


def test_the_isolation_of_all_tests_can_be_chosen(project):
    project.write("tests/test_auto.py", AUTO.replace("pytest.mark.clone", "pytest.mark.rollback") + CLONED)
    assert len(all_passed(project.run("-o", "asyncio_mode=auto", "-o", "poolhouse_isolation=clone"))) == 5


CLONED = """
async def test_listens(application):
    async with application.users.db().listen("news") as news:
        await application.orders.db().execute("NOTIFY news, 'hello'")
        assert (await anext(news)).payload == "hello"
"""

SWALLOWS = """
from contextlib import suppress

async def test_swallows(application):
    with suppress(Exception):
        await application.users.db().execute("LISTEN news")
    assert False

async def test_lies(application):
    users, orders = application.users.db(), application.orders.db()
    with suppress(ZeroDivisionError):
        async with users.transaction():
            await orders.execute("INSERT INTO {{tables.orders}} (user_id) VALUES (1)")
            raise ZeroDivisionError
"""


def test_a_test_that_would_not_be_true_says_so(project):
    project.write("tests/test_auto.py", SWALLOWS)
    outcome = project.run("-o", "asyncio_mode=auto")
    assert outcome.tests == {"test_swallows": "FAILED", "test_lies": "ERROR"}
    assert "poolhouse: refused by the rollback" in outcome.said
    assert "what LISTEN leaves in the session" in outcome.said
    assert "UndoneCommitError" in outcome.said


LEAVES_AN_OVERRIDE_AND_LIES = """
from contextlib import suppress
import pytest

@pytest.mark.parametrize("nth", range(2))
async def test_lies(application, nth):
    assert not application.users.service.overridden
    users, orders = application.users.db(), application.orders.db()
    with suppress(ZeroDivisionError):
        async with users.transaction():
            await orders.execute("INSERT INTO {{tables.orders}} (user_id) VALUES (1)")
            raise ZeroDivisionError
    application.users.service.override("left by a test")
"""


def test_what_a_test_leaves_that_fails_at_its_end_is_not_in_the_way_of_the_next(project):
    project.write("tests/test_auto.py", LEAVES_AN_OVERRIDE_AND_LIES)
    assert project.run(*IN_ONE_LOOP).tests == {"test_lies[0]": "ERROR", "test_lies[1]": "ERROR"}


# Workers


WORKERS = """
import asyncio, os, signal
from pathlib import Path
import pytest
from services.registering import registers

@pytest.mark.parametrize("nth", range(12))
async def test_of_many(application, nth, worker_id):
    await registers(application)
    dsn = application.settings().database.dsn.get_secret_value()
    templates = "SELECT count(*) FROM pg_database WHERE datname LIKE 'poolhouse_test_template_%'"
    assert await application.users.db().fetchval(templates) == 1
    Path(f"seen-{worker_id}-{nth}").write_text(dsn)
    # One worker that is quick must not run them all before another has started.
    while len({file.name.split("-")[1] for file in Path().glob("seen-*")}) < 2:
        await asyncio.sleep(0.01)

async def test_that_kills_its_worker(application):
    if not Path("killed").exists():
        Path("killed").write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("has_dsn", [True, False], ids=["a server that is there", "a server of the session"])
def test_workers_share_a_server_and_a_template_and_a_crash_takes_neither(tmp_path, postgres, has_dsn):
    project = Project(tmp_path, postgres if has_dsn else None)
    project.write("services/registering.py", REGISTERS)
    project.write("migrations/users/0002_mark.sql", f"COMMENT ON SCHEMA {{{{schema}}}} IS '{tmp_path}';\n")
    text = WORKERS if not has_dsn else re.sub("    templates.*\n.*\n", "", WORKERS)
    project.write("tests/test_workers.py", text)
    outcome = project.run("-n", "2", "-o", "asyncio_mode=auto")
    failed = {name: how for name, how in outcome.tests.items() if how != "PASSED"}
    assert failed == {"test_that_kills_its_worker": "FAILED"}, outcome.said
    assert len(outcome.tests) == 13
    dsns = {urlsplit(file.read_text()) for file in project.folder.glob("seen-*")}
    servers = {parse_qs(dsn.query)["host"][0] for dsn in dsns}
    assert len(servers) == 1
    assert len({dsn.path for dsn in dsns}) >= 2
    if not has_dsn:
        [socket] = servers
        assert not any(Path(socket).glob(".s.PGSQL.*")), "the server is still there"
