"""What can be wrong between the working directory and a container."""

from __future__ import annotations

import pytest

from poolhouse.cli.services import complete_services

MISUSED = 2


def refusal(project, *arguments):
    outcome = project.run("check", *arguments)
    assert outcome.code == MISUSED
    assert outcome.out == ""
    return outcome.err


def test_it_is_found_from_a_folder_below(offline, monkeypatch):
    monkeypatch.chdir(offline.root / "migrations" / "users")
    assert offline.run("check").code == 0


def test_a_nearer_pyproject_without_an_application_is_passed_over(offline, monkeypatch):
    offline.write("tools/pyproject.toml", "[tool.other]\n")
    monkeypatch.chdir(offline.root / "tools")
    assert offline.run("check").code == 0


def test_outside_of_a_project_it_says_what_is_missing(offline):
    (offline.root / "pyproject.toml").unlink()
    said = refusal(offline)
    assert "no pyproject.toml with [tool.poolhouse]" in said
    assert "--container" in said


def test_options_take_the_place_of_a_pyproject(offline):
    (offline.root / "pyproject.toml").unlink()
    module = offline.module
    options = ("--container", f"{module}:ApplicationContainer", "--settings", f"{module}:Settings")
    assert offline.run("check", *options).code == 0


def test_a_pyproject_that_is_no_toml_is_named(offline):
    file = offline.write("pyproject.toml", "[tool.poolhouse\n")
    said = refusal(offline)
    assert str(file) in said
    assert "not TOML" in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool]\npoolhouse = 3\n", "tool.poolhouse is no table"),
        ("[tool.poolhouse]\ncontainr = 'a:B'\n", "Did you mean container?"),
        ("[tool.poolhouse]\n", "it does not name a container"),
        ("[tool.poolhouse]\ncontainer = 3\n", "3 does not name a class in a module"),
        ("[tool.poolhouse]\ncontainer = 'a'\n", "'a' does not name a class in a module"),
        ("[tool.poolhouse]\ncontainer = 'a b:C'\n", "'a b:C' does not name a class in a module"),
        ("[tool.poolhouse]\ncontainer = 'nowhere_at_all:C'\n", "there is no module 'nowhere_at_all'"),
        ("[tool.poolhouse]\ncontainer = 'nowhere.at.all:C'\n", "there is no module 'nowhere'"),
        ("[tool.poolhouse]\ncontainer = 'json:JSONEncoder'\n", "no class of poolhouse.container.Container"),
        ("[tool.poolhouse]\ncontainer = 'json:dumps'\n", "is a function"),
        ("[tool.poolhouse]\ncontainer = 'json:JSONEncoderr'\n", "Did you mean JSONEncoder?"),
    ],
)
def test_a_wrong_entry_is_told_with_its_file(offline, text, told):
    file = offline.write("pyproject.toml", text)
    said = refusal(offline)
    assert str(file) in said
    assert told in said


def test_an_application_that_cannot_be_imported_is_told_with_the_line(offline):
    offline.write(f"{offline.module}_broken.py", "import json\n\n1 / 0\n")
    said = refusal(offline, "--container", f"{offline.module}_broken:C")
    assert "ZeroDivisionError" in said
    assert f"{offline.module}_broken.py:3" in said


def test_what_the_application_itself_says_is_told_without_passwords(offline):
    offline.write(f"{offline.module}_broken.py", "raise ValueError('no postgresql://shop:s3cret@db/shop')\n")
    said = refusal(offline, "--container", f"{offline.module}_broken:C")
    assert "ValueError" in said
    assert "s3cret" not in said


def test_a_syntax_error_is_told_with_the_line(offline):
    offline.write(f"{offline.module}_broken.py", "import json\ndef\n")
    assert f"{offline.module}_broken.py:2" in refusal(offline, "--container", f"{offline.module}_broken:C")


def test_a_package_that_the_application_misses_is_told_as_its_own_fault(offline):
    offline.write(f"{offline.module}_broken.py", "import a_package_that_is_not_installed\n")
    said = refusal(offline, "--container", f"{offline.module}_broken:C")
    assert "No module named 'a_package_that_is_not_installed'" in said
    assert f"{offline.module}_broken.py:1" in said


def test_a_package_that_only_the_projects_own_environment_has_leads_there(offline):
    (offline.root / ".venv").mkdir()
    offline.write(f"{offline.module}.py", "import nowhere_to_be_found\n")
    assert "Run it in the project's own environment: . .venv/bin/activate" in refusal(offline)


def test_a_module_that_exits_when_it_is_imported_does_not_end_the_command_silently(offline):
    offline.write(f"{offline.module}_broken.py", "import sys\nsys.exit('on purpose')\n")
    assert "on purpose" in refusal(offline, "--container", f"{offline.module}_broken:C")


def test_wrong_settings_are_told_by_the_variables_that_set_them(offline, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MAX_SIZ", "3")
    assert "SHOP_DATABASE__MAX_SIZ: there is no such setting" in refusal(offline)


def test_settings_that_nothing_takes_are_refused(offline):
    offline.write(f"{offline.module}_bare.py", "from poolhouse.container import Container\nclass C(Container): ...\n")
    assert "has no provider `settings`" in refusal(offline, "--container", f"{offline.module}_bare:C")


def test_settings_that_are_no_class_are_refused(offline):
    assert "which makes no settings" in refusal(offline, "--settings", "json:__doc__")


def test_a_container_whose_dependency_is_not_filled_is_told(offline):
    offline.declare(container=f"{offline.module}:ApplicationContainer")
    assert "settings" in refusal(offline)


def test_a_container_without_migrations_is_told(offline):
    offline.write(f"{offline.module}_bare.py", "from poolhouse.container import Container\nclass C(Container): ...\n")
    offline.declare(container=f"{offline.module}_bare:C")
    assert "no migration sets" in refusal(offline)


def test_an_error_is_json_where_json_was_asked_for(offline):
    outcome = offline.run("check", "user", "--json")
    assert outcome.code == MISUSED
    assert outcome.json["error"]["kind"] == "CommandError"
    assert "Did you mean users?" in outcome.json["error"]["message"]


def test_services_that_the_source_does_not_name_are_completed_as_the_application_has_them(offline):
    assert list(complete_services("")) == ["orders", "users"]
    assert list(complete_services("us")) == ["users"]
