"""The command as a process: signals, pipes, what is not installed, and the shell's completion."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import asyncpg
import pytest

from poolhouse.migrations.bundle import lock_key

MISUSED = 2


@contextmanager
def locked(project):
    """Hold the lock of users, and give a function that waits until somebody else works on the database."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(project.dsn))
    loop.run_until_complete(connection.execute("SELECT pg_advisory_lock($1)", lock_key("users", "users")))
    others = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND starts_with(application_name, 'poolhouse')"
    )

    def wait_for(*, has_company):
        deadline = time.monotonic() + 10
        while bool(loop.run_until_complete(connection.fetch(others))) is not has_company:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    try:
        yield wait_for
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly(project, monkeypatch, number, code):
    monkeypatch.setenv("SHOP_DATABASE__MIGRATION_TIMEOUT", "60")
    with locked(project) as wait_for:
        process = project.process("up")
        wait_for(has_company=True)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (code, "")
        assert "Traceback" not in err
        wait_for(has_company=False)
    assert project.tables() in ([], ["orders.orders"])


def test_ctrl_c_at_a_question_ends_nothing_but_the_question(project):
    with locked(project):
        process = project.process("unlock", stdin=subprocess.PIPE)
        assert process.stderr.read(20).startswith("users, schema users")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in err
        assert len(project.run("unlock", typed="n\n").err) > 0


def test_a_reader_that_has_enough_is_no_error(project):
    read, write = os.pipe()
    os.close(read)
    process = project.process("plan", stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (141, "")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_it_says_how_to_install_it(missing):
    code = f"import sys; sys.modules['{missing}'] = None; from poolhouse.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == MISUSED
    assert done.stderr == (
        f"Error: the command line needs {missing}, which is not installed. Run: pip install 'poolhouse[cli]'\n"
    )


@pytest.mark.parametrize(("typed", "completed"), [("up us", ["users"]), ("status --cont", ["--container"])])
def test_the_shell_completes(offline, typed, completed):
    words = f"poolhouse migrations {typed}"
    environment = {"_POOLHOUSE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "poolhouse.cli"],
        cwd=offline.root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == completed
