"""What the wheel and the sdist contain: everything they should, and nothing else."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile

import pytest

from poolhouse.cli.scaffold.places import REFERENCE
from tests.packaging.conftest import ROOT, build

COPIES = "poolhouse/cli/scaffold/reference/"
# The folders and files that a packager, a reader and a test need.
SDIST = {
    *("app", "benchmarks", "containers", "docs", "examples", "migrations", "requirements", "services", "src", "tests"),
    "typing_tests",
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "noxfile.py", "pyproject.toml"),
    ".gitignore",
}


def kept(*folders):
    """Return the paths below `folders` that git keeps."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {path for path in listed.splitlines() if (ROOT / path).exists()}


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as opened:
        yield opened


def test_the_wheel_has_the_library_and_the_reference_application_and_nothing_else(wheel):
    own = {path.removeprefix("src/") for path in kept("src")}
    copies = {f"{COPIES}{path}" for path in kept(*REFERENCE)}
    files = {path for path in wheel.namelist() if ".dist-info/" not in path}
    assert files == own | copies
    assert "poolhouse/py.typed" in files


def test_the_reference_application_in_it_is_the_checkouts_byte_for_byte(wheel):
    copies = {path.removeprefix(COPIES): wheel.read(path) for path in wheel.namelist() if path.startswith(COPIES)}
    assert copies == {path: (ROOT / path).read_bytes() for path in kept(*REFERENCE)}


def test_its_metadata_has_the_licence_the_command_and_the_plugin(wheel):
    metadata = {path.partition(".dist-info/")[2] for path in wheel.namelist() if ".dist-info/" in path}
    assert metadata == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    entry_points = next(path for path in wheel.namelist() if path.endswith("entry_points.txt"))
    assert b"poolhouse = poolhouse.cli:main" in wheel.read(entry_points)
    assert b"poolhouse = poolhouse.testing.plugin" in wheel.read(entry_points)


def test_it_needs_three_distributions_and_everything_else_is_an_extra(wheel):
    metadata = wheel.read(next(path for path in wheel.namelist() if path.endswith("METADATA"))).decode()
    required = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    always = {re.split(r"[<>=~ ]", each)[0] for each in required if "extra ==" not in each}
    assert always == {"asyncpg", "dependency-injector", "pydantic-settings"}


def test_the_sdist_has_what_it_takes_to_build_test_and_read_and_nothing_else(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as opened:
        files = {path.partition("/")[2] for path in opened.getnames()}
    there = {each for each in SDIST if (ROOT / each).exists()}
    assert files == kept(*there) | {"PKG-INFO"}


def test_the_wheel_that_is_built_of_the_sdist_is_the_same(built, tmp_path, wheel):
    with tarfile.open(next(built.glob("*.tar.gz"))) as opened:
        opened.extractall(tmp_path, filter="data")
    build(next(tmp_path.iterdir()), "wheel", tmp_path / "dist")
    with zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))) as again:
        assert {each.filename: each.CRC for each in again.infolist()} == {
            each.filename: each.CRC for each in wheel.infolist()
        }
