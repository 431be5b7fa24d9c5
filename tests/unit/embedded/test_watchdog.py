from __future__ import annotations

import subprocess
import sys

import pytest

from poolhouse.embedded.guard import WATCHDOG
from poolhouse.embedded.installation import parse_version
from poolhouse.embedded.watchdog import is_ready


def test_the_watchdog_imports_nothing_heavy():
    command = [sys.executable, "-I", "-S", "-X", "importtime", str(WATCHDOG), "[null, null]"]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stderr
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines()}

    assert "json" in imported
    assert imported.isdisjoint({"asyncio", "subprocess", "typing", "pathlib", "tempfile", "threading", "poolhouse"})


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("17\n/d\n1\n5432\n/s\n\n  1 2\nready   \n", True),
        ("17\n/d\n1\n5432\n/s\n\n  1 2\nstarting\n", False),
        ("16\n/d\n1\n5432\n/s\n\n  1 2\nready   \n", False),
        ("17\n/d\n1\n5432\n", False),
        ("", False),
    ],
)
def test_a_server_is_ready_when_its_own_lock_file_says_so(tmp_path, text, ready):
    (tmp_path / "postmaster.pid").write_text(text)

    assert is_ready(str(tmp_path / "postmaster.pid"), 17) is ready


def test_a_server_without_a_lock_file_is_not_ready(tmp_path):
    assert not is_ready(str(tmp_path / "postmaster.pid"), 17)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("postgres (PostgreSQL) 18.1\n", "18.1"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-1)\n", "15.18"),
        ("postgres (PostgreSQL) 19beta1\n", "19"),
        ("no such thing\n", None),
    ],
)
def test_the_version_is_read_from_what_the_server_prints(text, version):
    assert parse_version(text) == version
