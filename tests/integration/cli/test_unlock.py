"""`unlock`: who holds the lock, and ending that."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import asyncpg
import pytest

from poolhouse.migrations.bundle import lock_key

MISUSED = 2


@contextmanager
def holding(dsn, module="users", schema="users"):
    """Hold the lock of a module in another thread, in a session named 'holder'; gives its process."""
    ready, over, found = threading.Event(), threading.Event(), {}

    async def hold():
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "holder"})
        await connection.execute("SELECT pg_advisory_lock($1)", lock_key(module, schema))
        found["pid"] = connection.get_server_pid()
        ready.set()
        await asyncio.to_thread(over.wait)
        try:
            found["is_alive"] = await connection.fetchval("SELECT true FROM pg_advisory_unlock_all()")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            found["is_alive"] = False
        connection.terminate()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    ready.wait(10)

    def let_go():
        over.set()
        thread.join()

    found["let_go"] = let_go
    try:
        yield found
    finally:
        let_go()


def test_nobody_holds_a_lock(project):
    assert project.run("unlock").out == "Nobody holds a lock of these migrations.\n"


def test_the_holder_is_shown_and_ended_on_confirmation(project):
    with holding(project.dsn) as holder:
        outcome = project.run("unlock", typed="y\n")
        assert outcome.code == 0
        assert f"users, schema users: process {holder['pid']} (application 'holder'" in outcome.err
        assert "since 20" in outcome.err
        assert outcome.out.rstrip().endswith("ended")
    assert not holder["is_alive"]
    assert project.run("up").code == 0


@pytest.mark.parametrize("typed", ["n\n", "\n", "what?\n"])
def test_without_a_yes_it_is_left_alone(project, typed):
    with holding(project.dsn) as holder:
        outcome = project.run("unlock", typed=typed)
        assert outcome.out.rstrip().endswith("left alone")
    assert holder["is_alive"]


def test_where_nobody_answers_nothing_is_ended(project):
    with holding(project.dsn) as holder:
        outcome = project.run("unlock")
        assert outcome.code == MISUSED
        assert "Say --yes" in outcome.err
    assert holder["is_alive"]


def test_yes_asks_nothing_and_json_says_what_was_done(project):
    with holding(project.dsn) as holder:
        (found,) = project.run("unlock", "--yes", "--json").json["holders"]
    assert (found["module"], found["pid"], found["application"]) == ("users", holder["pid"], "holder")
    assert (found["state"], found["outcome"]) == ("idle", "ended")
    assert not holder["is_alive"]


def test_a_holder_that_let_go_meanwhile_is_not_ended(project, monkeypatch):
    with holding(project.dsn) as holder:

        def let_go(question):
            assert str(holder["pid"]) in question
            holder["let_go"]()
            return True

        monkeypatch.setattr("poolhouse.cli.migrations.unlock.confirms", let_go)
        outcome = project.run("unlock")
    assert outcome.code == 0
    assert outcome.out.rstrip().endswith("gone by itself")


def test_locks_of_other_modules_are_not_touched(project):
    with holding(project.dsn, "orders", "orders") as holder:
        assert "Nobody" in project.run("unlock", "users", "--yes").out
    assert holder["is_alive"]


def test_an_up_that_waited_in_vain_names_the_holder(project):
    with holding(project.dsn) as holder:
        outcome = project.run("up", "--timeout", "0")
    assert f"process {holder['pid']} (application 'holder'" in outcome.err
