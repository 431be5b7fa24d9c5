from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.embedded.address import socket_address
from poolhouse.embedded.configuration import (
    check_parameters,
    configuration_text,
    initdb_command,
    quote,
    server_command,
    server_environment,
)
from poolhouse.errors import SettingError


def unquote(text):
    """Read a value as PostgreSQL's GUC_scanstr does."""
    assert text[0] == text[-1] == "'"
    characters, value = iter(text[1:-1]), ""
    for character in characters:
        value += next(characters) if character in "\\'" else character
    return value


@given(st.text())
def test_a_quoted_value_is_read_back_as_it_was(value):
    assert unquote(quote(value)) == value


@given(st.text(st.characters(min_codepoint=32)))
def test_a_value_stays_on_its_line(value):
    text = configuration_text(check_parameters({"work_mem": value}))

    assert text.endswith("'\n")
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["", "work-mem", "1mb", "work_mem ", "work_mem\n", "a..b", "a.", "include 'x'", "ärger"]
)
def test_what_is_no_name_of_a_parameter_is_refused(name):
    with pytest.raises(SettingError, match="not the name of a parameter"):
        check_parameters({name: "1"})


@pytest.mark.parametrize("name", ["port", "listen_addresses", "LISTEN_ADDRESSES", "data_directory", "include"])
def test_a_parameter_that_would_move_the_server_is_refused(name):
    with pytest.raises(SettingError, match="belongs to the launcher"):
        check_parameters({name: "1"})


@pytest.mark.parametrize("value", ["a\nfsync = off", "a\rb", "\0", "\t"])
def test_a_value_with_a_control_character_is_refused_and_not_shown(value):
    with pytest.raises(SettingError, match="control character") as refusal:
        check_parameters({"work_mem": value})

    assert value not in str(refusal.value)


def test_parameters_come_after_what_is_included_so_that_they_win():
    text = configuration_text({"jit": "off"}, include=Path("/data/postgresql.conf"))

    assert text == "include = '/data/postgresql.conf'\njit = 'off'\n"


@pytest.mark.parametrize(
    ("major", "linux", "expected"),
    [
        (18, True, "--builtin-locale=C.UTF-8"),
        (17, False, "--builtin-locale=C.UTF-8"),
        (16, True, "--lc-ctype=C.UTF-8"),
    ],
)
def test_letters_beyond_ascii_have_a_case_wherever_the_platform_knows_them(major, linux, expected):
    assert expected in initdb_command(Path("/bin"), "/data", major, durable=True, linux=linux)


def test_only_data_to_throw_away_is_made_without_reaching_the_disk():
    commands = {
        durable: initdb_command(Path("/bin"), "/data", 18, durable=durable, linux=True) for durable in (True, False)
    }

    assert ("--no-sync" in commands[True], "--no-sync" in commands[False]) == (False, True)


def test_a_socket_folder_with_a_comma_is_one_folder():
    command = server_command(Path("/bin"), "/data", Path("/run/c"), socket_address(Path('/run/a, "b"')).parameters)

    assert '--unix_socket_directories="/run/a, ""b"""' in command


@given(st.dictionaries(st.text(string.ascii_uppercase + "_", min_size=1), st.just("x")))
def test_the_environment_keeps_what_does_not_steer_the_server(environment):
    steering = {
        name for name in environment if name.startswith(("PG", "LC_", "PYTHON")) or name in {"LANG", "LANGUAGE"}
    }

    assert server_environment(environment) == {**dict.fromkeys(environment.keys() - steering, "x"), "LC_ALL": "C"}
