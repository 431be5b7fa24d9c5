"""`poolhouse dev`, `psql` and `shell`, on a copy of the reference application with its embedded PostgreSQL."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from poolhouse.embedded.data_directory import running_server

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
MISUSED, INTERRUPTED = 2, 130
WHO = "SELECT current_user, current_schema, current_setting('application_name')"


@pytest.fixture
def copy(tmp_path_factory):
    """A copy of the reference application."""
    root = tmp_path_factory.mktemp("shop")
    for folder in ("app", "containers", "services", "migrations"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "PG"))}
    return {**kept, "APP_HTTP__PORT": "0", "PYTHONPATH": "", **more}


def poolhouse(root, *arguments, typed=None, **more):
    command = [sys.executable, "-m", "poolhouse.cli", *arguments]
    return subprocess.run(
        command, cwd=root, env=environment(**more), input=typed, capture_output=True, text=True, check=False, timeout=50
    )


class Development:
    """`poolhouse dev` as a process, and what it has said so far."""

    def __init__(self, root, *, keyboard=subprocess.DEVNULL, **variables):
        self.said = ""
        self._more = threading.Condition()
        command = [sys.executable, "-m", "poolhouse.cli", "dev"]
        # A session of its own, whose terminal the keyboard becomes where it is one.
        in_front = "import fcntl, os, sys, termios\n"
        in_front += (
            "os.setsid()\nos.isatty(0) and fcntl.ioctl(0, termios.TIOCSCTTY, 0)\nos.execv(sys.argv[1], sys.argv[1:])"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", in_front, *command],
            cwd=root,
            env=environment(**variables),
            stdin=keyboard,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self):
        for line in self.process.stdout:
            with self._more:
                self.said += line
                self._more.notify_all()

    def says(self, text, *, times=1):
        with self._more:
            assert self._more.wait_for(lambda: self.said.count(text) >= times, 45), self.said

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self._listener.join()
        self.process.stdout.close()

    def everybody(self):
        return [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]


@pytest.fixture
def dev(copy):
    development = Development(copy)
    yield development
    development.stop()


@pytest.fixture
def develop(copy, database):
    """Run `poolhouse dev` on a database that is there already: `develop(APP_HTTP__PORT="8000")`."""
    started = []

    def develop(**options):
        variables = {"APP_DATABASE__DSN": database, "APP_DATABASE__SERVICE_ROLES": "off", **options}
        started.append(Development(copy, **variables))
        return started[-1]

    yield develop
    for each in started:
        each.stop()


def gone(pids, data):
    deadline = time.monotonic() + 15
    while any(psutil.pid_exists(pid) for pid in pids) or running_server(data):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return True


@pytest.mark.timeout(240)
def test_changes_are_run_migrations_applied_and_what_fails_is_told_and_waited_out(copy, dev):
    dev.says("development: serving at")
    server = running_server(copy / ".poolhouse/postgres")
    migration = copy / "migrations/users/0002_add_nick.sql"

    migration.write_text("ALTER TABLE {{tables.users}} ADD COLUMN nick;\n")
    dev.says("it is started again after the next change")
    assert "migrations/users/0002_add_nick.sql:1:" in dev.said
    migration.write_text("ALTER TABLE {{tables.users}} ADD COLUMN nick text;\n")
    dev.says("service users: schema users, applied migrations 0002")
    dev.says("development: serving at", times=2)

    settings = copy / "app/settings.py"
    settings.write_text(f"{settings.read_text()}\n!\n")
    dev.says("SyntaxError")
    dev.says("it is started again after the next change", times=2)
    settings.write_text(settings.read_text().removesuffix("\n!\n"))
    dev.says("development: serving at", times=3)

    assert running_server(copy / ".poolhouse/postgres").pid == server.pid
    assert "Traceback" not in dev.said
    assert poolhouse(copy, "migrations", "status", "--exit-code").returncode == 0
    verified = poolhouse(copy, "migrations", "verify", "--exit-code")
    assert (verified.returncode, verified.stdout.count("as its migrations make it")) == (0, 3), verified
    done = poolhouse(copy, "psql", "users", "-c", WHO)
    assert re.search(r"svc_users +\| users +\| poolhouse/psql", done.stdout), done
    assert poolhouse(copy, "shell", "-c", "await users.exists(1)").stdout == "False\n"
    pids = dev.everybody()
    dev.process.terminate()
    assert dev.process.wait(20) == 0
    assert gone(pids, copy / ".poolhouse/postgres")


NEXT_CHANGE = "it is started again after the next change"


def test_a_migration_that_fails_is_told_with_its_line_and_applied_once_it_is_mended(copy, develop):
    dev = develop()
    dev.says("serving at")
    migration = copy / "migrations/users/0002_add_nick.sql"
    migration.write_text("CREATE TABLE {{tables.nicks}} (id int);\n\nALTER TABLE {{tables.nicks}} ADD COLUMN nick;\n")
    dev.says(NEXT_CHANGE)
    assert "migrations/users/0002_add_nick.sql:3:" in dev.said

    # Any file of the application may be the one that mends it.
    (copy / "services/users/more.py").write_text("")
    dev.says(NEXT_CHANGE, times=2)
    migration.write_text("CREATE TABLE {{tables.nicks}} (id int);\n")
    dev.says("service users: schema users, applied migrations 0002")
    dev.says("serving at", times=2)


def test_a_setting_that_is_wrong_is_told_by_its_name_and_line_until_it_is_mended(copy, develop):
    settings = copy / ".env"
    settings.write_text("\nAPP_HTTP__PROT=0\n")
    dev = develop()
    # Without a terminal nobody is asked to press a key.
    dev.says(f"{NEXT_CHANGE}.")
    assert re.search(r"\.env:2 APP_HTTP__PROT: .*Did you mean APP_HTTP__PORT\?", dev.said), dev.said
    assert "Traceback" not in dev.said

    settings.write_text("APP_HTTP__DOCS=false\n")
    dev.says("serving at")


def test_a_port_that_is_taken_is_told_and_enter_tries_again_once_it_is_free(develop):
    leader, follower = pty.openpty()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        dev = develop(keyboard=follower, APP_HTTP__PORT=str(port))
        dev.says(f"{NEXT_CHANGE}, or when you press Enter.")
        assert f"127.0.0.1:{port}: the port is in use by another process" in dev.said
        assert "set APP_HTTP__PORT to another port" in dev.said

    os.write(leader, b"\n")
    dev.says(f"serving at http://127.0.0.1:{port}")
    dev.stop()
    os.close(leader)
    os.close(follower)


def test_a_kill_leaves_nothing_behind(copy, dev):
    dev.says("development: serving at")
    pids = dev.everybody()
    assert len(pids) >= 4

    dev.process.kill()

    assert gone(pids[1:], copy / ".poolhouse/postgres")


def test_without_an_entry_point_dev_says_what_to_write(copy):
    project = copy / "pyproject.toml"
    project.write_text(project.read_text().replace('main = "app.main:main"\n', ""))
    done = poolhouse(copy, "dev")

    assert done.returncode == MISUSED
    assert 'Add main = "app.main:main" to [tool.poolhouse]' in done.stderr


def test_psql_says_what_is_not_there_yet_and_which_service_is_meant(copy, database):
    dsn = {"APP_DATABASE__DSN": database}
    early = poolhouse(copy, "psql", "users", **dsn)
    mistyped = poolhouse(copy, "psql", "user", **dsn)

    assert (early.returncode, mistyped.returncode) == (MISUSED, MISUSED)
    assert "poolhouse migrations up" in early.stderr
    assert "Did you mean users?" in mistyped.stderr


def test_no_secret_is_printed_or_in_the_list_of_processes(copy, database):
    dsn = {"APP_DATABASE__DSN": database.replace("postgres@", "postgres:geheim@", 1)}
    printed = poolhouse(copy, "psql", "--print", **dsn)
    as_json = json.loads(poolhouse(copy, "psql", "--print", "--json", **dsn).stdout)
    listed = poolhouse(copy, "psql", "-c", "\\! ps -o args= -A", **dsn)

    assert "PGPASSWORD=********" in printed.stdout
    assert as_json["command"] == ["psql"]
    assert "psql -c" in listed.stdout
    assert "geheim" not in printed.stdout + str(as_json) + listed.stdout


def test_psql_is_a_shell_on_a_terminal_and_ctrl_c_ends_a_statement_only(copy, database):
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "poolhouse.cli", "psql"]
    pipes = {"stdin": follower, "stdout": follower, "stderr": follower}
    variables = environment(APP_DATABASE__DSN=database, TERM="dumb", PAGER="cat")
    process = subprocess.Popen(command, cwd=copy, env=variables, start_new_session=True, **pipes)
    os.close(follower)
    said = read_until(leader, "=# ")
    os.write(leader, b"SELECT pg_sleep(60);\n")
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    said += read_until(leader, "canceling statement")
    os.write(leader, b"SELECT 'the answer is ' || 6 * 7;\n")
    said += read_until(leader, "the answer is 42")
    os.write(leader, b"\\q\n")
    assert process.wait(20) == 0, said
    os.close(leader)


def read_until(terminal, text):
    said = ""
    while text not in said:
        said += os.read(terminal, 4096).decode()
    return said


def test_the_shell_awaits_and_goes_on_after_an_error(copy, database):
    query = "x = await application.users.db().fetchval('SELECT 6 * 7')"
    typed = f"await users.exists(1)\n1 / 0\n{query}\nprint('x is', x)\n"
    done = poolhouse(copy, "shell", typed=typed, APP_DATABASE__DSN=database)

    assert done.returncode == 0, done
    assert "poolhouse: application, orders, payments, users" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "x is 42" in done.stdout


@pytest.mark.parametrize(("line", "code", "told"), [("1 / 0", 3, "ZeroDivisionError"), ("exit()", 0, "")])
def test_a_line_of_the_shell_that_fails_is_told(copy, database, line, code, told):
    done = poolhouse(copy, "shell", "-c", line, APP_DATABASE__DSN=database)

    assert (done.returncode, told in done.stderr) == (code, True), done
    assert "Traceback" not in done.stderr


def test_services_are_completed(copy):
    words = {"_POOLHOUSE_COMPLETE": "complete_bash", "COMP_WORDS": "poolhouse psql us", "COMP_CWORD": "2"}

    assert poolhouse(copy, **words).stdout.split() == ["users"]
