from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from poolhouse.cli.scaffold.places import REFERENCE

ROOT = Path(__file__).parents[3]
MISUSED = 2


def checkout(*folders):
    """Return the checkout's files, those that git keeps, each with its bytes."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {path: (ROOT / path).read_bytes() for path in listed.stdout.splitlines() if (ROOT / path).exists()}


def files_in(folder):
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_what_is_copied_is_the_reference_application_byte_for_byte(empty):
    assert empty.run("new", "shop").code == 0
    written, original = files_in(empty.root / "shop"), checkout(*REFERENCE)
    assert original
    assert {path: content for path, content in written.items() if path.startswith(REFERENCE)} == original


def test_what_lies_beside_it_is_listed_and_has_the_projects_name(empty):
    empty.run("new", "tea-shop")
    beside = {path: text for path, text in files_in(empty.root / "tea-shop").items() if not path.startswith(REFERENCE)}
    assert beside.keys() == {
        ".dockerignore",
        ".github/workflows/ci.yml",
        ".gitignore",
        "Dockerfile",
        "Makefile",
        "README.md",
        "compose.yaml",
        "constraints.txt",
        "pyproject.toml",
    }
    assert b'name = "tea-shop"' in beside["pyproject.toml"]
    assert not [path for path, text in beside.items() if b"PROJECT_NAME" in text]


def test_the_project_asks_for_this_poolhouse_or_one_that_mends_it(empty):
    version = empty.run("--version").out.split()[1]
    empty.run("new", "shop")
    assert f'"poolhouse[cli,fastapi]~={version}"' in (empty.root / "shop/pyproject.toml").read_text()


def test_the_command_finds_in_it_whatever_it_finds_in_the_reference_application(empty):
    empty.run("new", "shop")
    written, own = (
        tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["poolhouse"]
        for folder in (empty.root / "shop", ROOT)
    )
    assert written == own


def test_it_is_told_what_was_written_and_what_to_do_next(empty):
    out = empty.run("new", "shop").out
    assert f"Wrote {len(files_in(empty.root / 'shop'))} files into shop." in out
    assert "  cd shop\n" in out
    assert "  make test\n  make run\n" in out


def test_json_lists_the_files(empty):
    found = empty.run("new", "shop", "--json").json
    assert found["files"] == sorted(files_in(empty.root / "shop"))
    assert found["next"][0] == "cd shop"


def test_of_a_poolhouse_that_was_installed_from_files_pip_is_told_where_they_are(empty):
    # This one is a checkout that was installed to be edited, so its wheel has to be built first.
    steps = empty.run("new", "shop", "--json").json["next"]
    assert steps[1:3] == [
        f"pip wheel --no-deps --wheel-dir {ROOT}/dist {ROOT}",
        f'export PIP_FIND_LINKS="$PIP_FIND_LINKS {ROOT}/dist"',
    ]


def test_a_folder_with_something_in_it_is_left_alone(empty):
    (empty.root / "shop").mkdir()
    (empty.root / "shop/mine.txt").write_text("mine")
    outcome = empty.run("new", "shop")
    assert outcome.code == MISUSED
    assert "it is there already, with mine.txt in it. Nothing is overwritten" in outcome.err
    assert files_in(empty.root / "shop") == {"mine.txt": b"mine"}


def test_a_file_of_that_name_is_left_alone(empty):
    (empty.root / "shop").write_text("mine")
    assert empty.run("new", "shop").code == MISUSED
    assert (empty.root / "shop").read_text() == "mine"


def test_a_repository_that_has_nothing_yet_is_a_place_for_it(empty):
    (empty.root / "shop/.git").mkdir(parents=True)
    assert empty.run("new", "shop").code == 0
    assert (empty.root / "shop/app/main.py").exists()


def test_a_bare_project_has_one_service_and_speaks_of_no_shop(empty):
    assert empty.run("new", "tea-house", "--bare").code == 0
    files = files_in(empty.root / "tea-house")
    assert {path.split("/")[1] for path in files if path.startswith(("services/", "migrations/"))} == {
        "__init__.py",
        "fields.py",
        "items",
    }
    assert not [path for path, text in files.items() if path.endswith(".py") and b"shop" in text.lower()]
    assert b'title="Tea house"' in files["app/main.py"]
    assert b"async def serve_tea_house()" in files["app/main.py"]


@pytest.mark.parametrize("option", [[], ["--bare"]])
def test_a_new_project_is_linted_and_formatted(empty, monkeypatch, option):
    empty.run("new", "shop", *option)
    monkeypatch.chdir(empty.root / "shop")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_name_that_cannot_be_is_refused_and_nothing_written(empty):
    outcome = empty.run("new", "My Shop")
    assert outcome.code == MISUSED
    assert "Try my-shop" in outcome.err
    assert empty.files() == {}
