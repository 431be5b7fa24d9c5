"""From a folder to migrations, or to everything that is wrong with it."""

from __future__ import annotations

import os

import pytest

from poolhouse.errors import (
    DuplicateVersionError,
    MigrationFilesError,
    MigrationFolderError,
    MigrationNameError,
    MigrationTextError,
    SqlSyntaxError,
)
from poolhouse.migrations.files import ledger_migrations, load_folder


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "users"
    path.mkdir()
    return path


def load(folder):
    return load_folder(folder, module="users", schema="users")


def faults(folder):
    with pytest.raises(MigrationFilesError) as caught:
        load(folder)
    return caught.value.violations


def test_files_come_in_the_order_of_their_versions_as_integers(folder):
    for name in ("10_c.sql", "9_b.sql", "0007_a.sql", "20250101000000_d.sql"):
        (folder / name).write_text("SELECT 1")
    assert [file.version for file in load(folder).files] == [7, 9, 10, 20250101000000]


def test_a_folder_that_is_not_there_is_named_with_the_place_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (fault,) = faults(tmp_path / "nope")
    assert isinstance(fault, MigrationFolderError)
    assert "there is no such folder" in str(fault)
    assert str(tmp_path) in str(fault.remedy)


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    path = tmp_path / "users"
    path.write_text("SELECT 1")
    (fault,) = faults(path)
    assert isinstance(fault, MigrationFolderError)
    assert "it is a file" in str(fault)


def test_a_folder_without_migrations_is_refused(folder):
    (folder / ".gitkeep").touch()
    (folder / "README.md").touch()
    (fault,) = faults(folder)
    assert "there are no migrations in it" in str(fault)


def test_hidden_files_and_a_readme_may_stand_beside_migrations(folder):
    for name in (".gitkeep", ".0001_a.sql.swp", "README.md", "__init__.py", "0001_a.sql"):
        (folder / name).write_text("")
    (folder / "__pycache__").mkdir()
    assert [file.filename for file in load(folder).files] == ["0001_a.sql"]


@pytest.mark.parametrize("name", ["0002_b.sql~", "0002_b.sql.orig", "0002-b.sql", "notes.txt", "2_b.psql"])
def test_a_stray_name_is_refused(folder, name):
    (folder / "0001_a.sql").touch()
    (folder / name).touch()
    (fault,) = faults(folder)
    assert isinstance(fault, MigrationNameError)
    assert fault.file.endswith(name)


def test_a_folder_named_like_a_migration_is_refused(folder):
    (folder / "0001_a.sql").mkdir()
    (fault,) = faults(folder)
    assert isinstance(fault, MigrationTextError)
    assert "cannot be read" in str(fault)


def test_two_files_with_one_version_are_refused_with_both_names(folder):
    (folder / "7_a.sql").touch()
    (folder / "0007_b.sql").touch()
    (fault,) = faults(folder)
    assert isinstance(fault, DuplicateVersionError)
    assert {os.path.basename(fault.file), fault.other} == {"7_a.sql", "0007_b.sql"}  # noqa: PTH119 - a name, no path


def test_everything_that_is_wrong_with_a_folder_is_reported_at_once(folder):
    (folder / "1_a.sql").write_text("SELECT 'oops")
    (folder / "2_b.sql").touch()
    (folder / "02_c.sql").touch()
    (folder / "readme").touch()
    assert {type(fault) for fault in faults(folder)} == {SqlSyntaxError, DuplicateVersionError, MigrationNameError}


def test_paths_in_messages_are_as_short_as_they_were_given(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder / "1_a.sql").write_text("COMMIT")
    with pytest.raises(MigrationFilesError, match=r"(?m)^  - users/1_a\.sql:1:1: COMMIT in a migration"):
        load_folder(type(folder)("users"), module="users", schema="users")


def test_the_ledgers_own_migrations_load():
    assert [file.version for file in ledger_migrations().files] == [1, 2]
