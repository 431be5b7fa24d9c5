"""Where settings come from: arguments, variables, files, secrets, defaults for the profile, defaults."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field
from pydantic_settings import PydanticBaseSettingsSource, SettingsConfigDict

from poolhouse.errors import ConfigurationError, SettingsError
from poolhouse.settings import Origin, Profile, origins
from tests.unit.settings.conftest import DSN, PASSWORD, Http, Shop, everything

SIZE = ("database", "max_size")


def sized(shop, **options):
    settings = shop(**options)
    return settings.database.max_size, origins(settings).get(SIZE)


def test_sources_count_in_their_order(shop, write):
    assert sized(shop) == (10, None)

    environment = {"APP_PROFILE": "test", "APP_SECRETS_DIR": "secrets"}
    write("secrets/other", "")
    assert sized(shop, **environment) == (5, Origin("profile default", "test"))

    secret = write("secrets/app_database__max_size", "11\n")
    assert sized(shop) == (11, Origin("secrets file", secret.name, "secrets/app_database__max_size"))

    write(".env", "# shared\n\nAPP_DATABASE__MAX_SIZE=12\n")
    assert sized(shop) == (12, Origin("file", "APP_DATABASE__MAX_SIZE", ".env:3"))

    write(".env.test", "APP_DATABASE__MAX_SIZE=13\n")
    assert sized(shop) == (13, Origin("file", "APP_DATABASE__MAX_SIZE", ".env.test:1"))

    assert sized(shop, app_database__max_size="14") == (14, Origin("environment variable", "app_database__max_size"))

    assert sized(shop, arguments={"database": {"max_size": 15}}) == (15, Origin("argument"))


def test_a_section_may_come_from_several_sources(shop, write):
    write(".env", f"APP_DATABASE__DSN='{DSN}'\nAPP_DATABASE__MIN_SIZE=1\n")
    write(".env.development", "APP_DATABASE__MAX_SIZE=3\n")

    settings = shop(APP_DATABASE__ACQUIRE_TIMEOUT="2")

    assert settings.database.dsn.get_secret_value() == DSN
    assert (settings.database.min_size, settings.database.max_size, settings.database.acquire_timeout) == (1, 3, 2)


# What is in files


NAME = ("database", "application_name")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("${ABOVE}-${OUTSIDE}", "above-outside"),
        ('"${ABOVE}"', "above"),
        ("'${ABOVE}${NOWHERE}'", "${ABOVE}${NOWHERE}"),
        ("${NOWHERE:-other}", "other"),
        ("pa$$wo$rd", "pa$$wo$rd"),
    ],
)
def test_what_is_in_braces_is_replaced_but_not_in_single_quotes(shop, write, written, name):
    write(".env", f"ABOVE=above\nAPP_DATABASE__APPLICATION_NAME={written}\n")
    assert shop(OUTSIDE="outside").database.application_name == name


def test_what_stands_for_nothing_is_told_and_not_read_as_nothing(shop, write):
    write(".env", f"OTHER=${{NOWHERE}}\nAPP_DATABASE__DSN=postgresql://shop:{PASSWORD}${{{PASSWORD}}}@127.0.0.1/shop\n")
    with pytest.raises(SettingsError) as caught:
        shop()
    (fault,) = caught.value.violations
    assert str(fault).startswith(".env:2 APP_DATABASE__DSN: a ${…} in it stands for nothing that is set. Set that, or")
    assert PASSWORD not in everything(caught.value)


def test_a_file_may_be_one_that_can_be_read_once(shop, tmp_path):
    """As managers of secrets make them."""
    os.mkfifo(tmp_path / ".env")
    with ThreadPoolExecutor() as threads:
        writing = threads.submit((tmp_path / ".env").write_text, "APP_DATABASE__MAX_SIZE=3\n")
        assert sized(shop) == (3, Origin("file", "APP_DATABASE__MAX_SIZE", ".env:1"))
        writing.result()


# The profile


def test_the_profile_may_be_an_argument_a_variable_or_in_the_shared_file(shop, write):
    write(".env", "APP_PROFILE=test\n")
    assert shop().profile is Profile.TEST
    assert shop(APP_PROFILE="staging", APP_DATABASE__DSN=DSN).profile is Profile.STAGING
    assert shop(arguments={"profile": "production"}).profile is Profile.PRODUCTION


def test_the_file_of_the_profile_is_read_whoever_chose_it(shop, write):
    write(".env", "APP_PROFILE=test\n")
    write(".env.test", "APP_HTTP__PORT=1\n")
    write(".env.staging", f"APP_HTTP__PORT=2\nAPP_DATABASE__DSN={DSN}\n")
    assert shop().http.port == 1
    assert shop(arguments={"profile": Profile.STAGING}).http.port == 2
    assert shop(APP_PROFILE="staging").http.port == 2


def test_the_file_of_another_profile_is_never_read(shop, write):
    for profile in ("development", "staging", "production"):
        write(f".env.{profile}", "APP_HTTP__PRT = what is no port\n").chmod(0)
    assert shop(APP_PROFILE="test").http.port == 8000


def test_of_a_profile_that_is_none_no_file_is_read_and_the_rest_is_judged(faults, write):
    write(".env.prod", "APP_HTTP__PORT=http\n")
    write(".env", "APP_PROFILE=prod\nAPP_DATABASE__MAX_SIZE=many\n")
    wrong = faults()
    assert wrong.keys() == {"APP_PROFILE", "APP_DATABASE__MAX_SIZE"}
    assert str(wrong["APP_PROFILE"]).startswith(".env:1 APP_PROFILE: Input should be 'development', 'test'")


def test_the_class_may_have_another_profile_by_default(shop, write):
    class Tested(Shop):
        profile: Profile = Profile.TEST

    write(".env.test", "APP_HTTP__PORT=1\n")
    assert shop(kind=Tested).http.port == 1


def test_what_is_read_for_a_profile_cannot_choose_another_one(faults, shop, write):
    write(".env.test", "APP_PROFILE=production\n")
    write("secrets/app_profile", "staging\n")
    write("secrets/app_secrets_dir", "elsewhere\n")

    with pytest.raises(SettingsError) as caught:
        shop(APP_PROFILE="test", APP_SECRETS_DIR="secrets")

    places = [fault.place for fault in caught.value.violations]
    assert places == [".env.test:1 APP_PROFILE", "secrets/app_profile", "secrets/app_secrets_dir"]
    assert "it is chosen before this is read" in str(caught.value)


def test_the_file_of_a_profile_may_repeat_which_it_is(shop, write):
    write(".env.test", "APP_PROFILE=test\n")
    assert shop(APP_PROFILE="test").profile is Profile.TEST


# Files


def test_other_files_can_be_named_and_none(shop, write):
    class Elsewhere(Shop):
        model_config = SettingsConfigDict(env_file=("config/env", "config/more"))

    write("config/env", "APP_HTTP__PORT=1\nAPP_DATABASE__MAX_SIZE=3\n")
    write("config/more", "APP_HTTP__PORT=2\n")
    write("config/env.test", "APP_DATABASE__MIN_SIZE=3\n")
    write(".env", "APP_HTTP__PORT=9\n")
    settings = shop(kind=Elsewhere, APP_PROFILE="test")
    assert (settings.http.port, settings.database.min_size, settings.database.max_size) == (2, 3, 3)
    assert shop(arguments={"_env_file": None}).http.port == 8000


def test_names_of_others_in_the_shared_file_are_theirs(shop, write):
    write(".env", "COMPOSE_PROJECT_NAME=shop\nPOSTGRES_PASSWORD=x\nNOTHING\n")
    assert shop()


def test_every_name_in_the_file_of_a_profile_has_to_be_a_setting(faults, write):
    write(".env.development", "# ours alone\nDATABASE__DSN=c4n4ry\nAPP_DATABASE__DNS=c4n4ry\nAP_PROFILE=c4n4ry\n")
    assert {str(fault) for fault in faults().values()} == {
        ".env.development:2 DATABASE__DSN: there is no such setting. Did you mean APP_DATABASE__DSN?",
        ".env.development:3 APP_DATABASE__DNS: there is no such setting. Did you mean APP_DATABASE__DSN?",
        ".env.development:4 AP_PROFILE: there is no such setting. Did you mean APP_PROFILE?",
    }


@pytest.mark.parametrize("file", [".env", ".env.development"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("APP_DATABASE__DSN c4n4ry", "{}:2: the line cannot be read. Write NAME=value, in quotes where it has spaces"),
        ("APP_DATABASE__DSN='c4n4ry", "{}:2: the line cannot be read. Write NAME=value, in quotes where it has spaces"),
        ("APP_DATABASE__DSN", "{}:2 APP_DATABASE__DSN: it has no value. Write NAME=value"),
        ("APP_HTTP__PORT=c4n4ry", "{}:2 APP_HTTP__PORT: Input should be a valid integer, unable to parse"),
        ("app_http__prt=c4n4ry", "{}:2 app_http__prt: there is no such setting. Did you mean APP_HTTP__PORT?"),
        ("APP_TAGS=c4n4ry", "{}:2 APP_TAGS: it cannot be read as JSON"),
        ('APP_HTTP={"prt": "c4n4ry"}', "{}:2 APP_HTTP__PRT: there is no such setting. Did you mean APP_HTTP__PORT?"),
        ('APP_HTTP=["c4n4ry"]', "{}:2 APP_HTTP: Input should be a valid dictionary"),
        ("APP_TIMEZONE__X=c4n4ry", "{}:2 APP_TIMEZONE__X: there is no such setting. Did you mean APP_TIMEZONE?"),
    ],
)  # fmt: skip
def test_a_fault_in_a_file_is_told_with_its_line(faults, write, file, line, said):
    write(file, f"\n{line}\nAPP_DATABASE__MIN_SIZE=1\n")
    (fault,) = faults().values()
    assert str(fault).startswith(said.format(file))


def test_a_file_that_is_no_text_is_refused(faults, folder):
    (folder / ".env").write_bytes(b"APP_DATABASE__DSN=\xffc4n4ry")
    assert str(faults()[".env"]) == ".env: it is not UTF-8 text. Let it be read, or take it away"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser reads everything")
def test_a_file_that_may_not_be_read_is_refused(faults, write):
    write(".env", "APP_HTTP__PORT=1").chmod(0)
    assert "it cannot be read: Permission denied" in str(faults()[".env"])


def test_the_last_of_several_lines_counts(shop, write):
    write(".env", "APP_DATABASE__MAX_SIZE=3\nexport APP_DATABASE__MAX_SIZE=4 # more\n")
    assert sized(shop) == (4, Origin("file", "APP_DATABASE__MAX_SIZE", ".env:2"))


# Secrets


@pytest.fixture
def secrets(write):
    write("secrets/other.pem", "")
    write(".env", "APP_SECRETS_DIR=secrets\n")
    return lambda name, text: write(f"secrets/{name}", text)


def test_a_secret_is_a_file_without_the_line_break_at_its_end(shop, secrets):
    secrets("APP_DATABASE__DSN", f"{DSN}\n")
    settings = shop(APP_PROFILE="production")
    assert settings.database.dsn.get_secret_value() == DSN
    assert origins(settings)["database", "dsn"].place == "secrets/APP_DATABASE__DSN"


def test_a_secret_may_be_mounted_as_kubernetes_does(shop, folder, secrets):
    (folder / "secrets/..2026_01").mkdir()
    (folder / "secrets/..2026_01/app_database__dsn").write_text(DSN)
    (folder / "secrets/..data").symlink_to("..2026_01")
    (folder / "secrets/app_database__dsn").symlink_to("..data/app_database__dsn")
    assert shop(APP_PROFILE="staging").database.dsn.get_secret_value() == DSN


def test_files_of_others_among_the_secrets_are_theirs(shop, folder, secrets):
    (folder / "secrets/keystore.p12").write_bytes(b"\xff\xfe")
    (folder / "secrets/certificates").mkdir()
    assert shop()


def test_a_secret_that_sets_nothing_is_told_as_a_file(faults, secrets):
    secrets("app_database__dns", PASSWORD)
    secrets("app_http__prt", PASSWORD)
    secrets("database__dsn", PASSWORD)
    secrets("app_labels", PASSWORD)
    assert {str(fault) for fault in faults().values()} == {
        "secrets/app_database__dns: there is no such setting. Did you mean app_database__dsn?",
        "secrets/app_http__prt: there is no such setting. Did you mean app_http__port?",
        "secrets/database__dsn: there is no such setting. Did you mean app_database__dsn?",
        "secrets/app_labels: it cannot be read as JSON",
    }


def test_a_secret_that_cannot_be_read_is_told_and_taken_for_set(faults, folder, secrets):
    (folder / "secrets/app_database__dsn").write_bytes(b"postgresql://\xffc4n4ry")
    (folder / "secrets/app_http__port").mkdir()
    assert {str(fault) for fault in faults(APP_PROFILE="production").values()} == {
        "secrets/app_database__dsn: it is not UTF-8 text. Let it be a text that can be read",
        "secrets/app_http__port: it is no file. Let it be a text that can be read",
    }


@pytest.mark.parametrize(
    ("folder_of_secrets", "why"), [("nowhere", "No such file"), ("secrets/other.pem", "Not a dir")]
)
def test_a_folder_of_secrets_that_somebody_names_has_to_be_one(faults, secrets, folder_of_secrets, why):
    fault = faults(APP_SECRETS_DIR=folder_of_secrets)[folder_of_secrets]
    assert f"{folder_of_secrets}: it cannot be read: {why}" in str(fault)


def test_a_folder_of_secrets_that_only_the_class_names_may_be_missing(shop, write):
    class Mounted(Shop):
        secrets_dir: Path | None = Path("mounted")

    assert shop(kind=Mounted).http.port == 8000
    write("mounted/app_http__port", "1")
    assert shop(kind=Mounted).http.port == 1


def test_the_folder_of_secrets_is_no_option_of_the_class():
    with pytest.raises(ConfigurationError, match="secrets_dir is a setting here"):

        class Mounted(Shop):
            model_config = SettingsConfigDict(secrets_dir="secrets")


# Everything at once


def test_everything_that_is_wrong_anywhere_is_said_at_once(faults, write):
    write(".env", "APP_PROFILE=staging\nAPP_PROFIL=test\nAPP_SECRETS_DIR=secrets\nAPP_HTTP__PORT=http\n")
    write(".env.staging", "APP_DATABASE__MAX_SIZE=many\nLOG_LEVEL=debug\n")
    write("secrets/app_database__dns", DSN)
    wrong = faults(APP_DATABASE__MIN_SIZE="-1", APP_TAGS="{", APP_METRICS__PRT="1", APP_EMBEDDED__ENABLED="perhaps")
    assert {fault.place for fault in wrong.values()} == {
        ".env:2 APP_PROFIL",
        ".env:4 APP_HTTP__PORT",
        ".env.staging:1 APP_DATABASE__MAX_SIZE",
        ".env.staging:2 LOG_LEVEL",
        "secrets/app_database__dns",
        "APP_DATABASE__MIN_SIZE",
        "APP_TAGS",
        "APP_METRICS__PRT",
        "APP_EMBEDDED__ENABLED",
        # What follows from all of it.
        "APP_DATABASE__DSN",
    }


def test_what_is_required_is_told_with_where_to_set_it(faults, monkeypatch):
    class Required(Shop):
        key: str

    with pytest.raises(SettingsError) as caught:
        Required(_env_file=None)
    (fault,) = caught.value.violations
    assert (fault.name, fault.missing) == ("APP_KEY", ("key",))
    assert str(fault) == "APP_KEY: it is required, and not set. Set it as a variable"


def test_several_unreadable_values_of_one_section_are_each_told(faults):
    wrong = faults(APP_PROFILE="production", APP_DATABASE="{", APP_DATABASE__MAX_CONNECTIONS="{", APP_LABELS="{")
    assert {name for name, fault in wrong.items() if fault.fact == "it cannot be read as JSON"} == {
        "APP_DATABASE",
        "APP_DATABASE__MAX_CONNECTIONS",
        "APP_LABELS",
    }


@pytest.mark.parametrize("value", ["", "x"])
def test_an_unreadable_value_casts_no_doubt_on_others_that_are_equal(faults, monkeypatch, value):
    monkeypatch.setenv("UNRELATED", value)
    assert list(faults(APP_TAGS=value, APP_TIMEZONE=value, APP_DATABASE__APPLICATION_NAME="x")) == ["APP_TAGS"]


def test_what_may_be_anything_is_ordinary_text(shop):
    class Open(Shop):
        anything: Any = None
        several: dict[str, Any] = Field(default_factory=dict)

    settings = shop(kind=Open, APP_ANYTHING="x", APP_SEVERAL__ONE="x")
    assert [type(each) for each in (settings.anything, settings.several["one"])] == [str, str]


def test_a_folder_of_secrets_whose_name_is_empty_is_refused_and_not_the_working_directory(faults, write):
    write("app_http__port", "1")
    assert str(faults(APP_SECRETS_DIR="")["APP_SECRETS_DIR"]).startswith("APP_SECRETS_DIR: it is empty; leave it out")


# Origins


def test_origins_are_no_part_of_what_settings_are(shop):
    named = shop(APP_HTTP__PORT="1")
    given = shop(arguments={"http": Http(port=1)})
    assert named == given
    assert repr(named) == repr(given)
    assert origins(pickle.loads(pickle.dumps(named)))["http", "port"] == Origin(
        "environment variable", "APP_HTTP__PORT"
    )


def test_a_copy_knows_where_its_other_values_are_from(shop):
    copied = shop(APP_HTTP__PORT="1", APP_TIMEZONE="CET").model_copy(update={"http": Http(port=2)})
    assert ("http", "port") not in origins(copied)
    assert origins(copied)["zone",] == Origin("environment variable", "APP_TIMEZONE")


class Bucket(PydanticBaseSettingsSource):
    """A source that an application brings along."""

    def get_field_value(self, field, field_name):  # noqa: ARG002 - its signature
        return None, field_name, False

    def __call__(self):
        return {"http": {"port": 3}, "labels": {"a": "b"}}


class Stored(Shop):
    @classmethod
    def settings_customise_sources(cls, settings_cls, **sources):
        *ours, defaults = super().settings_customise_sources(settings_cls, **sources)
        return (*ours, Bucket(settings_cls), defaults)


def test_an_application_may_add_sources(shop):
    settings = shop(kind=Stored, APP_LABELS__A="c")
    assert (settings.http.port, settings.labels) == (3, {"a": "c"})
    assert origins(settings)["http", "port"] == Origin("Bucket")
    assert origins(settings)["labels",] == Origin("environment variable", "APP_LABELS__A")


def test_no_secret_shows_anywhere_whatever_source_it_is_from(shop, secrets, write):
    write(".env.staging", f"APP_DATABASE__MIGRATION_DSN={DSN}\n")
    secrets("app_database__dsn", DSN)
    settings = shop(APP_PROFILE="staging")
    told = f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}{origins(settings)}"
    assert PASSWORD not in told
    with pytest.raises(SettingsError) as caught:
        shop(APP_HTTP__PORT="http")
    own = caught.value.__traceback__.tb_next.tb_next
    assert PASSWORD not in everything(caught.value.with_traceback(own), frames=True)
