from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.embedded.data_directory import (
    PidFile,
    has_cluster,
    make_parent,
    parse_pidfile,
    put_in_place,
    running_server,
    wait_until_free,
)
from poolhouse.errors import DataDirectoryBusyError, DataDirectoryUnusableError

ME = os.geteuid()


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def server(data):
    """A process that does what a postmaster does as far as others can see: it works in the directory."""
    command = [sys.executable, "-c", "input()", str(data)]
    with subprocess.Popen(command, cwd=data, stdin=subprocess.PIPE) as process:
        (data / "postmaster.pid").write_text(lines(process.pid))
        yield process
        process.kill()


def lines(pid, status="ready   "):
    return f"{pid}\n/data\n1700000000\n5432\n/tmp\n\n  5432001   3\n{status}\n"


def test_a_whole_lock_file_tells_pid_and_status():
    assert parse_pidfile(lines(17, "stopping")) == PidFile(17, "stopping", port="5432", sockets="/tmp")


@pytest.mark.parametrize("text", ["", "17", "x\n", "-1\n", "\n\n"])
def test_a_lock_file_without_a_whole_first_line_tells_nothing(text):
    assert parse_pidfile(text) is None


@given(st.integers(1, 2**22), st.integers(0, 80))
def test_a_lock_file_that_is_cut_off_never_tells_another_status(pid, length):
    found = parse_pidfile(lines(pid)[:length])

    assert found is None or (str(pid).startswith(str(found.pid)) and "ready".startswith(found.status))


def test_a_new_or_empty_directory_has_no_cluster(data):
    assert not has_cluster(data, major=18, user=ME)
    assert not has_cluster(data / "new", major=18, user=ME)


def test_a_directory_with_other_files_is_refused(data):
    (data / "thesis.tex").touch()

    with pytest.raises(DataDirectoryUnusableError, match="no PostgreSQL cluster"):
        has_cluster(data, major=18, user=ME)


@pytest.mark.parametrize("version", ["17", "9.6", "19"])
def test_a_cluster_of_another_major_version_is_refused(data, version):
    (data / "PG_VERSION").write_text(f"{version}\n")

    with pytest.raises(DataDirectoryUnusableError, match=f"of PostgreSQL {version}, .* of PostgreSQL 18"):
        has_cluster(data, major=18, user=ME)


def test_a_cluster_of_another_user_is_refused(data):
    (data / "PG_VERSION").write_text("18\n")

    with pytest.raises(DataDirectoryUnusableError, match=f"belongs to user {ME}, .* as user {ME + 1}"):
        has_cluster(data, major=18, user=ME + 1)


def test_a_parent_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(DataDirectoryUnusableError, match="cannot be made"):
        make_parent(tmp_path / "file" / "below" / "data")


def test_a_finished_cluster_takes_the_place_of_an_empty_directory(data, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "PG_VERSION").write_text("18\n")

    put_in_place(tmp_path / "made", data)

    assert has_cluster(data, major=18, user=ME)


def test_a_cluster_that_was_finished_first_stays(data, tmp_path):
    (data / "PG_VERSION").write_text("18\n")
    (tmp_path / "made").mkdir()

    put_in_place(tmp_path / "made", data)

    assert has_cluster(data, major=18, user=ME)


def test_a_directory_that_cannot_be_replaced_is_named(data, tmp_path):
    (data / "something").touch()
    (tmp_path / "made").mkdir()

    with pytest.raises(DataDirectoryUnusableError, match="cannot be made"):
        put_in_place(tmp_path / "made", data)


def test_a_process_that_works_in_the_directory_is_its_server(server, data):
    assert running_server(data).pid == server.pid


def test_a_process_that_works_elsewhere_is_not(data):
    (data / "postmaster.pid").write_text(lines(os.getpid()))

    assert running_server(data) is None


def test_a_directory_in_use_is_refused_with_the_pid(data, server):
    with pytest.raises(DataDirectoryBusyError, match=str(server.pid)):
        wait_until_free(data)


@pytest.mark.parametrize("status", ["stopping", "ready"])
def test_a_server_that_ends_soon_is_waited_for(data, server, status):
    (data / "postmaster.pid").write_text(lines(server.pid, status))

    def ends_it_at_the_second_look():
        if next(looks):
            server.kill()
        return False

    looks = iter([False, True, *[False] * 10_000])
    wait_until_free(data, is_aborted=ends_it_at_the_second_look)

    assert running_server(data) is None


def test_an_aborted_start_does_not_wait(server, data):
    wait_until_free(data, is_aborted=lambda: True)
