from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from poolhouse.embedded import EmbeddedPostgres

SECRET = "canary-in-the-coal-mine"  # the password of every DSN below


def with_password(dsn, password=SECRET):
    parts = urlsplit(dsn)
    role, _, host = parts.netloc.rpartition("@")
    netloc = f"{role.partition(':')[0]}:{password}@{host}"
    return f"{parts.scheme}://{netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def refused(run, dsn, *snippets, code=1, **settings):
    """Run the application where it must fail, and hold what it says against what a person needs."""
    ended = run(APP_DATABASE__DSN=dsn, **settings)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    assert SECRET not in ended.out + ended.err
    for snippet in snippets:
        assert snippet in ended.err
    return ended


@pytest.fixture
def dsn(database):
    """The test's database, with a password that a trusting server does not look at."""
    return with_password(database)


@pytest.fixture
async def strict_server():
    """A server that wants a password of everybody but `postgres`, and has the role `careful`."""
    server = EmbeddedPostgres(temporary=True)
    await server.open()
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute("CREATE ROLE careful LOGIN PASSWORD 'right'")
        rules = await connection.fetchval("SHOW hba_file")
        Path(rules).write_text("local all postgres trust\nlocal all all scram-sha-256\n")  # noqa: ASYNC240 - of no length
        await connection.execute("SELECT pg_reload_conf()")
        yield server.dsn.replace("postgres@", "careful@", 1)
    finally:
        await connection.close()
        await server.close()


def test_a_wrong_password_is_said_at_once_and_not_shown(run, strict_server):
    dsn = with_password(strict_server)
    ended = refused(run, dsn, "careful@", "password authentication failed", "Check the role and the password")
    assert "while starting pool" in ended.err


def test_an_unreachable_host_is_named_when_waiting_is_over(run):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can take the port meanwhile
        port = unused.getsockname()[1]
        dsn = f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop"
        expected = f"ada@127.0.0.1:{port}/shop: no PostgreSQL answers"
        refused(run, dsn, expected, "connection refused", APP_DATABASE__STARTUP_TIMEOUT="0.2")


def test_a_host_that_does_not_exist_is_named(run):
    dsn = f"postgresql://ada:{SECRET}@nowhere.invalid/shop"
    refused(run, dsn, "ada@nowhere.invalid/shop", "no PostgreSQL answers", APP_DATABASE__STARTUP_TIMEOUT="0.2")


def test_a_missing_database_is_named(run, dsn):
    parts = urlsplit(dsn)
    missing = urlunsplit(("", "", "/absent", parts.query, ""))
    refused(
        run, f"postgresql://{parts.netloc}{missing}", 'database "absent" does not exist', "Create it, or name another"
    )


def test_mistyped_settings_are_named_all_at_once_with_their_neighbours(run, dsn):
    refused(
        run,
        dsn,
        "APP_DATABSE__MAX_SIZE: there is no such setting. Did you mean APP_DATABASE__MAX_SIZE?",
        "APP_DATABASE__MAXSIZE: there is no such setting. Did you mean APP_DATABASE__MAX_SIZE?",
        "APP_DATABASE__MIN_SIZE: Input should be a valid integer",
        code=2,
        APP_DATABSE__MAX_SIZE="9",
        APP_DATABASE__MAXSIZE="9",
        APP_DATABASE__MIN_SIZE="many",
    )


def test_a_minimum_above_the_maximum_is_refused(run, dsn):
    expected = "APP_DATABASE: min_size (9) is greater than max_size (3)"
    refused(run, dsn, expected, code=2, APP_DATABASE__MIN_SIZE="9", APP_DATABASE__MAX_SIZE="3")


def test_an_illegal_schema_name_is_shown_with_what_is_wrong_with_it(copy, run, dsn):
    copy.replace("containers/users.py", 'schema="users"', 'schema="users\\n"')
    refused(run, dsn, r"'users\n' is not a legal identifier")


def test_two_services_with_one_schema_are_named(copy, run, dsn):
    copy.replace("containers/orders.py", 'schema="orders"', 'schema="users"')
    refused(run, dsn, "the schema 'users' is claimed by more than one service: users and orders")


def test_a_missing_folder_of_migrations_is_named(copy, run, dsn):
    copy.replace("containers/users.py", '"migrations/users"', '"migrations/usres"')
    refused(run, dsn, "migrations/usres: there is no such folder", str(copy.folder))


def test_an_empty_folder_of_migrations_is_named(copy, run, dsn):
    (copy.folder / "migrations/users/0001_create_users.sql").unlink()
    refused(run, dsn, "migrations/users: there are no migrations in it")


def test_faults_in_files_of_several_services_are_said_all_at_once(copy, run, dsn):
    copy.write("migrations/users/001_again.sql", "SELECT 1")
    copy.write("migrations/orders/second.sql", "SELECT 1")
    copy.write("migrations/payments/0002_typo.sql", "SELECT 1;\nSELECT * FROM {{tabels.payments}}")
    refused(
        run,
        dsn,
        "migrations/users/001_again.sql",
        "migrations/orders/second.sql",
        "migrations/payments/0002_typo.sql:2:15",
        "{{tables.payments}}",
    )


def test_an_error_of_the_server_in_a_migration_has_its_file_line_and_column(copy, run, dsn):
    sql = "-- Totals.\nALTER TABLE {{tables.orders}} ADD t int;\nSELECT no_such_column\n  FROM {{tables.orders}};\n"
    copy.write("migrations/orders/0002_total.sql", sql)
    refused(run, dsn, "migrations/orders/0002_total.sql:3:8", 'column "no_such_column" does not exist', "42703")


def test_an_edited_migration_that_is_applied_already_is_refused(copy, run, dsn):
    async def apply():
        async with copy.started(APP_DATABASE__DSN=dsn) as process:
            await copy.said_until_serving(process)

    copy.write("migrations/users/0002_note.sql", "COMMENT ON TABLE {{tables.users}} IS 'people'")
    asyncio.run(apply())
    copy.write("migrations/users/0002_note.sql", "COMMENT ON TABLE {{tables.users}} IS 'persons'")
    refused(run, dsn, "migrations/users/0002_note.sql", "applied")


def test_a_port_in_use_is_named(run, dsn):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = f"127.0.0.1:{port}: the port is in use by another process"
        refused(run, dsn, expected, "APP_HTTP__PORT", APP_HTTP__PORT=str(port))


def test_a_faulty_wiring_is_found_before_any_connection_is_made(copy, run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        copy.replace("containers/orders.py", 'schema="orders"', 'schema="users"')
        copy.write("migrations/payments/second.sql", "SELECT 1")
        refused(run, f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop", "claimed by more than one service")
        with pytest.raises(BlockingIOError):
            listener.accept()
