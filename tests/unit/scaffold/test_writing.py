from __future__ import annotations

import pytest

from poolhouse.cli.scaffold.writing import Changes
from poolhouse.errors import CommandError


def files_in(folder):
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*")}


def test_files_are_created_in_folders_that_need_not_be_there_and_others_are_replaced(tmp_path):
    (tmp_path / "old.py").write_text("before")
    Changes({"a/b/new.py": b"new"}, {"old.py": b"after"}).write(tmp_path)
    assert files_in(tmp_path) == {"a", "a/b", "a/b/new.py", "old.py"}
    assert (tmp_path / "a/b/new.py").read_text() == "new"
    assert (tmp_path / "old.py").read_text() == "after"


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    (tmp_path / "run.py").write_text("before")
    (tmp_path / "run.py").chmod(0o755)
    Changes({}, {"run.py": b"after"}).write(tmp_path)
    assert (tmp_path / "run.py").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (Changes({"a/new.py": b"", "there.py": b""}), "there.py"),
        (Changes({"a/new.py": b"", "there.py/b.py": b""}), "there.py/b.py"),
        (Changes({"a/new.py": b""}, {"there.py": b"after", "nowhere.py": b""}), "nowhere.py"),
    ],
)
def test_what_fails_half_way_leaves_everything_as_it_was(tmp_path, changes, named):
    (tmp_path / "there.py").write_text("before")
    with pytest.raises(CommandError, match=rf"{named}: it cannot be written: .*Nothing was changed"):
        changes.write(tmp_path)
    assert files_in(tmp_path) == {"there.py"}
    assert (tmp_path / "there.py").read_text() == "before"


def test_an_interrupt_half_way_leaves_everything_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "there.py").write_text("before")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copymode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Changes({"a/new.py": b""}, {"there.py": b"after"}).write(tmp_path)
    assert files_in(tmp_path) == {"there.py"}
    assert (tmp_path / "there.py").read_text() == "before"
