"""Names of new migrations."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from poolhouse.errors import MigrationFolderError, MigrationNameError
from poolhouse.migrations.writing import next_version, write_migration

NOW = datetime(2025, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ([], "0001"),
        (["0001_a.sql"], "0002"),
        (["0001_a.sql", "0009_b.sql"], "0010"),
        (["1_a.sql", "9_b.sql"], "10"),
        (["001_a.sql", "10_b.sql"], "11"),
        (["9999_a.sql"], "10000"),
        (["README.md", "R_view.sql", "0003_a.sql", "nonsense.txt"], "0004"),
        (["20240101000000_a.sql"], "20250131093000"),
        (["20260101000000_a.sql"], "20260101000001"),
        (["0001_a.sql", "20240101000000_b.sql"], "20250131093000"),
        (["20241399000000_a.sql"], "20241399000001"),
    ],
)
def test_the_next_version_is_written_as_the_others(names, version):
    assert next_version(names, now=NOW) == version


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "users").write_text("")
    with pytest.raises(MigrationFolderError, match="it is a file"):
        write_migration(tmp_path / "users", "a")


def test_what_another_process_has_just_written_is_not_overwritten(tmp_path):
    (tmp_path / "R_a.sql").write_text("theirs")
    with pytest.raises(MigrationNameError, match="it exists already"):
        write_migration(tmp_path, "a", is_repeatable=True)
    assert (tmp_path / "R_a.sql").read_text() == "theirs"
