from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def contacts(database_settings, request, monkeypatch):
    monkeypatch.setenv("CONTACTS_DATABASE__DSN", database_settings.dsn.get_secret_value())
    monkeypatch.setenv("CONTACTS_DATABASE__ROLE_PREFIX", database_settings.role_prefix)

    def call(*words):
        command = [sys.executable, "-m", "examples.command_line.main", *words]
        return subprocess.run(command, cwd=request.config.rootpath, capture_output=True, text=True, check=False)

    return call


def test_a_contact_is_found_that_was_added(contacts):
    assert contacts("add", "Ada", "ada@example.org").returncode == 0
    assert contacts("find", "A").stdout == "Ada: ada@example.org\n"


def test_what_cannot_be_done_is_told_without_a_traceback(contacts, monkeypatch):
    monkeypatch.setenv("CONTACTS_DATABASE__DSN", "postgresql://nobody@127.0.0.1:1/nowhere")
    monkeypatch.setenv("CONTACTS_DATABASE__STARTUP_TIMEOUT", "0.1")
    answer = contacts("find")
    assert answer.returncode == 1
    assert "127.0.0.1:1" in answer.stderr
    assert "Traceback" not in answer.stderr
