"""What every verb has in common."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from poolhouse.cli.root import root

VERBS = ["baseline", "check", "history", "new", "plan", "repair", "squash", "status", "unlock", "up", "verify"]
OTHERS = ["config", "doctor", "graph", "roles plan", "roles status", "roles up"]


def help_of(*arguments):
    result = CliRunner().invoke(root, [*arguments, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    return result.output


def test_the_list_of_verbs_is_whole():
    assert re.findall(r"^│ (\w+) ", help_of("migrations"), re.MULTILINE) == VERBS


@pytest.mark.parametrize("words", [*(f"migrations {verb}" for verb in VERBS), *OTHERS])
def test_the_help_of_a_verb_has_an_example_and_the_keys_of_its_json(words):
    text = help_of(*words.split())
    assert f"Example: poolhouse {words}" in text
    assert re.search(r"JSON: \{\w+", text)
    assert "--container" in text
    assert "--json" in text


def test_exit_codes_are_documented():
    assert "0 fine, 1 pending or drift (only with --exit-code), 2 usage, 3 failed" in help_of("migrations")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["stauts"], "Did you mean 'status'?"), (["status", "--jsn"], "--json"), (["status", "--container"], "requires")],
)
def test_a_mistyped_verb_or_option_is_told(arguments, told):
    result = CliRunner().invoke(root, ["migrations", *arguments])
    assert result.exit_code == 2
    assert told in result.output


def test_the_version_is_told():
    assert re.fullmatch(r"poolhouse \d+\.\d+\.\d+\n", CliRunner().invoke(root, ["--version"]).output)
