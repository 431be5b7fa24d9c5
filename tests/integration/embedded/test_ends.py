"""However its owner ends, nothing is left of a server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from poolhouse.embedded.locator import locate_binaries
from tests.integration.embedded.processes import OWNER, PROMISED, is_alive, marked, servers_on, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks at processes in /proc")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_a_signal_ends_the_owner(begin, data, number):
    owner = begin(data)

    os.kill(owner.process.pid, number)

    until(owner.leaves_nothing, within=PROMISED)


def test_ctrl_c_reaches_the_owner_but_not_its_server(begin, data):
    owner = begin(data)

    os.killpg(owner.process.pid, signal.SIGINT)

    until(owner.leaves_nothing, within=PROMISED)
    assert "KeyboardInterrupt" in owner.process.stderr.read()


@pytest.mark.parametrize("then", ["raise", "close"])
def test_nothing_is_left_when_the_owner_ends_by_itself(begin, data, then):
    owner = begin(data, then)

    owner.process.wait(10)

    until(owner.leaves_nothing, within=PROMISED)


@pytest.mark.parametrize("then", ["exec", "fork"])
def test_a_child_that_outlives_the_owner_does_not_keep_the_server_alive(begin, data, then):
    owner = begin(data, then)

    owner.process.kill()

    until(owner.leaves_nothing, within=PROMISED)
    assert is_alive(owner.child)


def test_of_a_throw_away_server_no_file_is_left_either(begin):
    owner = begin()

    owner.process.kill()

    until(owner.leaves_nothing, within=PROMISED)


def test_a_persistent_server_keeps_its_data_when_everything_is_killed(begin, data):
    first = begin(data)
    for pid in (first.process.pid, first.watchdog, *servers_on(first.data)):
        with suppress(ProcessLookupError):  # one of them may have taken it with it
            os.kill(pid, signal.SIGKILL)

    second = begin(data)

    assert (first.visits, second.visits) == (1, 2)


@pytest.mark.parametrize("then", ["wait", "close"])
def test_a_persistent_server_ends_in_order_so_that_the_next_start_need_not_recover(begin, data, then):
    owner = begin(data, then)

    owner.process.kill()

    until(owner.leaves_nothing, within=PROMISED)
    told = subprocess.run([locate_binaries() / "pg_controldata", data], capture_output=True, text=True, check=True)
    assert re.search(r"cluster state: +shut down$", told.stdout, re.MULTILINE)


def test_a_new_start_waits_for_the_server_of_an_owner_that_was_just_killed(begin, data):
    first = begin(data)
    first.process.kill()

    second = begin(data)

    assert second.visits == 2


def test_the_server_ends_with_a_watchdog_that_is_killed_and_its_owner_deletes_the_rest(begin, data):
    owner = begin(data, "close on end of file")

    os.kill(owner.watchdog, signal.SIGKILL)

    until(lambda: not servers_on(owner.data), within=PROMISED)
    owner.process.stdin.close()
    until(owner.leaves_nothing, within=PROMISED)


def test_the_next_start_deletes_what_an_owner_and_a_watchdog_that_were_killed_left(begin):
    killed = begin()
    for pid in (killed.watchdog, killed.process.pid):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not servers_on(killed.data), within=PROMISED)
    os.utime(killed.runtime, (0, 0))

    begin()

    assert not Path(killed.runtime).exists()


@pytest.mark.parametrize("sign", [".data-*/base", "data/postmaster.pid"])
def test_an_owner_that_is_killed_while_it_starts_leaves_nothing_half_done(place, sign):
    mark = f"POOLHOUSE_MARK={place}"
    variables = {**os.environ, "TMPDIR": str(place), "POOLHOUSE_MARK": str(place)}
    command = [sys.executable, str(OWNER), str(place / "data"), "wait", ""]
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as owner:
        until(lambda: list(place.glob(sign)))

        owner.kill()

    until(lambda: not marked(mark), within=PROMISED)
    assert {path.name for path in place.iterdir()} <= {"data"}
    assert not (place / "data").exists() or (place / "data/PG_VERSION").exists()
