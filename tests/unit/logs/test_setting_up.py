from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging
from poolhouse.logs import LogForm, LogSettings, set_up_logs
logging.basicConfig(format="of others: %(message)s")
set_up_logs(LogSettings(form=LogForm({form!r})))
logging.getLogger("services.users").info("hidden")
logging.getLogger("services.users").warning("shown")
"""


def logged(form):
    command = [sys.executable, "-c", PROGRAM.format(form=form)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()


def test_json_is_written_for_what_collects_logs():
    [line] = logged("json")
    assert (json.loads(line)["message"], json.loads(line)["service"]) == ("shown", "users")


def test_lines_are_written_for_a_person():
    [line] = logged("lines")
    assert line.endswith("WARNING services.users: shown [service=users]")


@pytest.mark.parametrize(("profile", "form"), [("development", "lines"), ("production", "json")])
def test_the_form_follows_the_profile(profile, form):
    from poolhouse import ApplicationSettings
    from poolhouse.logs import LogSettings

    class Settings(ApplicationSettings):
        logs: LogSettings = LogSettings()

    assert Settings(profile=profile, database={"dsn": "postgresql://db/shop"}).logs.form == form
