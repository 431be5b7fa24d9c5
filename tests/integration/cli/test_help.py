"""What every verb has in common, whichever there are."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from poolhouse.cli.root import root

COMMAND = get_command(root)
MIGRATIONS = ["baseline", "check", "history", "new", "plan", "repair", "squash", "status", "unlock", "up", "verify"]
# What talks to a person, or serves, until that ends it, and prints nothing that a program would read.
INTERACTIVE = {"dev", "psql", "shell"}
FINE, MISUSED = 0, 2
ROOT = Path(__file__).parents[3]


def verbs(command=COMMAND, *words):
    if not hasattr(command, "commands"):
        return {" ".join(words): command}
    return {name: each for word, below in command.commands.items() for name, each in verbs(below, *words, word).items()}


VERBS = verbs()


def help_of(*arguments):
    result = CliRunner().invoke(root, [*arguments, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == FINE
    return result.output


def examples_of(words):
    return re.findall(r"Example: poolhouse (.*)", VERBS[words].epilog)


def names_in(words):
    """Return the parameters that take names of modules, services or profiles that there are."""
    there = {"module", "modules", "needs", "profile", "services"} | ({"service"} if words != "add service" else set())
    return [each for each in VERBS[words].params if each.name in there]


def completed(shell, typed):
    """Return the words with which a shell that asks as it does would go on."""
    line = f"poolhouse {typed}"
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
    }
    environment = {"_POOLHOUSE_COMPLETE": f"complete_{shell}", **asked[shell]}
    result = CliRunner().invoke(root, [], prog_name="poolhouse", env=environment)
    return set(re.findall(r"[\w-]+", result.stdout))


def test_the_list_of_verbs_is_whole():
    assert re.findall(r"^│ (\w+) ", help_of("migrations"), re.MULTILINE) == MIGRATIONS
    assert VERBS.keys() >= {*(f"migrations {verb}" for verb in MIGRATIONS), "new", "add service", "check", "roles up"}


@pytest.mark.parametrize("words", VERBS)
def test_the_help_of_a_verb_has_examples_that_call_it(words):
    text = help_of(*words.split())
    assert f"{examples_of(words)[0]} ".startswith(f"{words} ")
    for example in examples_of(words):
        assert f"poolhouse {words}" in f"poolhouse {example}"
        assert f"Example: poolhouse {example}" in text


@pytest.mark.parametrize("words", [words for words in VERBS if words not in INTERACTIVE])
def test_a_verb_prints_json_and_says_which_keys_it_has(words):
    text = help_of(*words.split())
    assert "--json" in text
    assert re.search(r"JSON: \{\w+", text)


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
@pytest.mark.parametrize("words", VERBS)
def test_a_verb_completes(words, shell):
    assert words.split()[-1] in completed(shell, words[:-1])


@pytest.mark.parametrize("words", VERBS)
def test_the_options_of_a_verb_complete(words):
    options = {option for each in VERBS[words].params for option in each.opts if option.startswith("--")}
    assert completed("bash", f"{words} --") >= options


@pytest.mark.parametrize(("words", "parameter"), [(words, each) for words in VERBS for each in names_in(words)])
def test_names_that_an_application_has_complete(words, parameter, monkeypatch):
    monkeypatch.chdir(ROOT)
    option = [each for each in parameter.opts if each.startswith("--")][:1]
    expected = "production" if parameter.name == "profile" else "users"
    assert expected in completed("bash", " ".join([words, *option, ""]))


@pytest.mark.parametrize("words", VERBS)
@pytest.mark.parametrize("slip", ["an option that is not there", "no project", "no TOML", "no such container"])
def test_a_slip_is_told_without_a_traceback(words, slip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    example = shlex.split(examples_of(words)[0].partition(">")[0])
    if slip == "an option that is not there":
        example.append("--jsn")
    if slip == "no TOML":
        (tmp_path / "pyproject.toml").write_text("[tool.poolhouse\n")
    if slip == "no such container":
        (tmp_path / "pyproject.toml").write_text('[tool.poolhouse]\ncontainer = "nowhere.at_all:Application"\n')
    result = CliRunner().invoke(root, example)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    needs_no_project = words == "new" and slip != "an option that is not there"
    assert result.exit_code == (FINE if needs_no_project else MISUSED)
    assert needs_no_project or result.stderr


def test_exit_codes_are_documented():
    assert "0 fine, 1 pending or drift (only with --exit-code), 2 usage, 3 failed" in help_of("migrations")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["stauts"], "Did you mean 'status'?"), (["status", "--jsn"], "--json"), (["status", "--container"], "requires")],
)
def test_a_mistyped_verb_or_option_is_told(arguments, told):
    result = CliRunner().invoke(root, ["migrations", *arguments])
    assert result.exit_code == MISUSED
    assert told in result.output


def test_the_version_is_told():
    assert re.fullmatch(r"poolhouse \d+\.\d+\.\d+\n", CliRunner().invoke(root, ["--version"]).output)
