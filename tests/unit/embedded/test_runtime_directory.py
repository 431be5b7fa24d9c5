from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from poolhouse.embedded.account import Account
from poolhouse.embedded.runtime_directory import choose_base, new_name, sweep
from poolhouse.errors import ServerStartError

ME = os.geteuid()


@pytest.fixture
def left(tmp_path):
    folder = tmp_path / new_name()
    (folder / "data").mkdir(parents=True)
    return folder


def test_what_no_watchdog_holds_is_deleted(left):
    sweep(left.parent, user=ME, abandoned_after=-1)

    assert not left.exists()


def test_what_a_watchdog_holds_stays(left):
    handle = os.open(left, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    sweep(left.parent, user=ME, abandoned_after=-1)

    assert left.exists()
    os.close(handle)


def test_what_has_just_been_made_stays(left):
    sweep(left.parent, user=ME)

    assert left.exists()


def test_what_belongs_to_another_user_stays(left):
    sweep(left.parent, user=ME + 1, abandoned_after=-1)

    assert left.exists()


@pytest.mark.parametrize("name", ["poolhouse-pg-", "poolhouse-pg-12345678x", "poolhouse-pg-notahexx", "mine"])
def test_what_has_another_name_stays(tmp_path, name):
    (tmp_path / name).mkdir()

    sweep(tmp_path, user=ME, abandoned_after=-1)

    assert (tmp_path / name).exists()


def test_a_link_with_the_name_is_not_followed(tmp_path, left):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / new_name()).symlink_to(left)

    sweep(tmp_path / "elsewhere", user=ME, abandoned_after=-1)

    assert left.exists()


def test_a_folder_whose_sockets_would_have_too_long_a_path_is_passed_over(tmp_path):
    long = tmp_path / ("x" * 80)
    long.mkdir()

    assert choose_base([long, Path("/tmp")], None) == Path("/tmp")


def test_a_folder_that_the_account_cannot_enter_is_passed_over(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    stranger = Account(ME + 1, os.getegid() + 1)

    assert choose_base([tmp_path / "private", Path("/tmp")], stranger) == Path("/tmp")


def test_when_no_folder_will_do_all_are_named(tmp_path):
    with pytest.raises(ServerStartError, match=f"none of {tmp_path}/a, {tmp_path}/b"):
        choose_base([tmp_path / "a", tmp_path / "b"], None)


@pytest.mark.parametrize(("mode", "may"), [(0o755, True), (0o750, False), (0o751, False), (0o705, True)])
def test_entering_a_folder_takes_both_rights_for_others(mode, may):
    folder = Path("/tmp") / new_name()
    folder.mkdir()
    folder.chmod(mode)
    try:
        assert Account(ME + 1, os.getegid() + 1).can_enter(folder) is may
    finally:
        folder.rmdir()
