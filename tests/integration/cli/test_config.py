"""`config`: what is in force of the settings, and where each is from."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from poolhouse.cli.root import root
from tests.integration.cli.conftest import Outcome

MISUSED = 2
SECRET = "geheim"

SETTINGS = """
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, RedisDsn, SecretBytes, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from poolhouse.settings import ApplicationSettings, SettingsSection, per_profile


class Mail(SettingsSection):
    host: str = Field(default="localhost", description="where mail goes")
    timeout: float = Field(default=5.0, description="seconds until it has to be there")
    password: str | None = None
    token: SecretStr | None = None
    pepper: SecretBytes = SecretBytes(b"geheim")
    relay: str = "smtp://me:geheim@relay.example?x=1"
    cache: RedisDsn = RedisDsn("redis://:geheim@cache.example/0")
    libpq: str = "host=a password='geheim' user=b"
    hidden: str = Field(default="geheim", repr=False)
    headers: dict[str, str] = {"Api-Key": "geheim", "auth_token": "geheim", "Accept": "text/html"}
    keys: tuple[SecretStr, ...] = (SecretStr("geheim"),)


class Settings(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")

    secrets_dir: Path | None = Path("secrets")
    mail: Mail = Mail(timeout=7.0)
    region: str = per_profile("here", production="everywhere")
    name: str = Field(default="", validation_alias="SHOP_TITLE")

    @field_validator("region")
    @classmethod
    def _in_capitals(cls, region: str) -> str:
        return region.upper()


def in_berlin() -> Settings:
    return Settings(region="berlin")
"""


def config(*arguments):
    result = CliRunner().invoke(root, ["config", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def shop(offline, monkeypatch):
    """A project whose settings are of more kinds, with a `.env` file and a directory of secrets."""
    offline.write(f"{offline.module}_settings.py", SETTINGS)
    offline.declare(container=f"{offline.module}:ApplicationContainer", settings=f"{offline.module}_settings:Settings")
    offline.write("secrets/unused", "")
    return offline


def settings_of(*arguments):
    outcome = config("--json", *arguments)
    assert outcome.code == 0, outcome.err
    return {each["name"]: each for each in outcome.json["settings"]}


def test_people_are_told_values_and_where_they_are_from(offline, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MAX_SIZE", "20")
    outcome = config()
    assert outcome.code == 0
    assert re.search(r"^ +SETTING +VALUE +SOURCE$", outcome.out, re.MULTILINE)
    assert re.search(
        r"^\* +database.max_size +20 +environment variable SHOP_DATABASE__MAX_SIZE$", outcome.out, re.MULTILINE
    )
    assert re.search(r"^ +database.min_size +2 +default$", outcome.out, re.MULTILINE)
    assert re.search(r"^ +database.command_timeout +not set +default$", outcome.out, re.MULTILINE)
    assert outcome.out.endswith("settings differ from the default (*).\n")


def test_programs_are_told_units_and_descriptions_too(offline):
    found = settings_of()["database.acquire_timeout"]
    assert found.pop("description").startswith("seconds that a call waits")
    assert found == {
        "name": "database.acquire_timeout",
        "variable": "SHOP_DATABASE__ACQUIRE_TIMEOUT",
        "value": 5.0,
        "default": 5.0,
        "is_default": True,
        "source": {"kind": "default", "name": None, "place": None},
        "unit": "seconds",
    }


def test_verbose_says_what_each_is(offline):
    text = config("--verbose").out
    assert re.search(r"SHOP_DATABASE__MIN_SIZE +2 +connections kept open\.", text)


def test_a_setting_of_its_own_counts_more_than_its_section(offline, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE", '{"min_size": 3, "max_size": 4}')
    monkeypatch.setenv("SHOP_DATABASE__MAX_SIZE", "20")
    found = settings_of()
    assert found["database.min_size"]["source"]["name"] == "SHOP_DATABASE"
    assert (found["database.max_size"]["value"], found["database.max_size"]["source"]["name"]) == (
        20,
        "SHOP_DATABASE__MAX_SIZE",
    )


def test_a_variable_is_named_as_it_is_written(offline, monkeypatch):
    monkeypatch.setenv("shop_database__max_size", "20")
    assert settings_of()["database.max_size"]["source"]["name"] == "shop_database__max_size"


def test_an_entry_of_a_mapping_is_a_source(offline, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MAX_CONNECTIONS", '{"users": 2}')
    found = settings_of()["database.max_connections"]
    assert (found["value"], found["source"]["name"]) == ({"users": 2}, "SHOP_DATABASE__MAX_CONNECTIONS")


def test_what_follows_from_the_profile_is_told(offline, monkeypatch):
    monkeypatch.setenv("SHOP_PROFILE", "production")
    found = settings_of()["embedded.enabled"]
    assert (found["value"], found["default"], found["is_default"]) == (False, None, False)
    assert found["source"] == {
        "kind": "profile default",
        "name": "production, and whether a DSN is set",
        "place": None,
    }


def test_files_and_secrets_are_sources_that_count_less_than_variables(shop, monkeypatch):
    shop.write(".env", "SHOP_MAIL__HOST=file.example\nSHOP_DATABASE__MIN_SIZE=1\nSHOP_DATABASE__MAX_SIZE=3\n")
    shop.write(".env.development", "# ours\nSHOP_DATABASE__MIN_SIZE=2\n")
    shop.write("secrets/shop_region", "there")
    monkeypatch.setenv("SHOP_DATABASE__MAX_SIZE", "4")
    found = settings_of()
    assert found["mail.host"]["source"] == {"kind": "file", "name": "SHOP_MAIL__HOST", "place": ".env:1"}
    assert found["database.min_size"]["source"]["place"] == ".env.development:2"
    assert found["database.max_size"]["source"]["kind"] == "environment variable"
    assert found["region"]["source"] == {
        "kind": "secrets file",
        "name": "shop_region",
        "place": "secrets/shop_region",
    }
    assert re.search(r"^\* +mail.host +file.example +file .env:1$", config().out, re.MULTILINE)


def test_what_a_validator_has_made_of_a_default_is_told(shop):
    found = settings_of()["region"]
    assert (found["value"], found["source"]["kind"]) == ("HERE", "validator")


def test_a_default_of_the_application_for_a_section_is_the_default(shop):
    found = settings_of()["mail.timeout"]
    assert (found["value"], found["default"], found["is_default"]) == (7.0, 7.0, True)


def test_arguments_of_the_constructor_are_a_source(shop):
    shop.declare(container=f"{shop.module}:ApplicationContainer", settings=f"{shop.module}_settings:in_berlin")
    assert settings_of()["region"]["source"] == {"kind": "argument", "name": None, "place": None}


def test_an_alias_is_the_variable(shop, monkeypatch):
    monkeypatch.setenv("SHOP_TITLE", "Shop")
    found = settings_of()["name"]
    assert (found["value"], found["source"]["name"]) == ("Shop", "SHOP_TITLE")


@pytest.mark.parametrize("arguments", [[], ["--verbose"], ["--json"], ["--profile", "production"]])
def test_no_secret_is_shown(shop, monkeypatch, arguments):
    monkeypatch.setenv("SHOP_DATABASE__DSN", "postgresql://me:geheim@db.example/shop?password=geheim")
    monkeypatch.setenv("SHOP_MAIL__PASSWORD", SECRET)
    shop.write(".env", "SHOP_DATABASE__MIGRATION_DSN=postgresql://owner:ge%2Fheim:geheim@db.example:5433/shop\n")
    shop.write("secrets/shop_mail__token", SECRET)
    outcome = config(*arguments)
    assert outcome.code == 0, outcome.err
    assert "me@db.example/shop" in outcome.out
    assert "owner@db.example:5433/shop" in outcome.out
    assert "text/html" in outcome.out
    assert SECRET not in outcome.out + outcome.err


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_all_that_is_wrong_is_told_at_once_and_no_value(shop, monkeypatch, arguments):
    monkeypatch.setenv("SHOP_DATABASE__DSN", "mysql://me:geheim@db.example/shop")
    monkeypatch.setenv("SHOP_DATABASE__MAX_SIZE", SECRET)
    monkeypatch.setenv("SHOP_MAIL__TIMEUOT", SECRET)
    monkeypatch.setenv("SHOP_REGOIN", SECRET)
    outcome = config(*arguments)
    assert outcome.code == MISUSED
    said = outcome.out + outcome.err
    for name in ("DATABASE__DSN", "DATABASE__MAX_SIZE", "MAIL__TIMEUOT", "REGOIN"):
        assert f"SHOP_{name}: " in said
    assert SECRET not in said


# Another profile


def without_a_dsn(shop, monkeypatch):
    monkeypatch.delenv("SHOP_DATABASE__DSN")
    return shop


def test_another_profile_is_shown_as_this_machine_would_start_it(shop, monkeypatch):
    shop.write(".env.production", "SHOP_MAIL__HOST=mail.example\n")
    shop.write(".env.development", "SHOP_MAIL__HOST=localhost\n")
    found = settings_of("--profile", "production")
    assert (found["profile"]["value"], found["mail.host"]["value"]) == ("production", "mail.example")
    assert found["profile"]["source"] == {"kind": "option", "name": "--profile", "place": None}
    assert found["region"]["source"] == {"kind": "profile default", "name": "production", "place": None}
    assert found["database.command_timeout"]["value"] == 30
    assert settings_of()["region"]["value"] == "HERE"


def test_what_is_missing_for_another_profile_is_named_and_no_fault(shop, monkeypatch):
    outcome = config("--profile", "production")
    assert outcome.code == 0
    without_a_dsn(shop, monkeypatch)
    outcome = config("--profile", "production")
    assert outcome.code == 0, outcome.err
    assert re.search(r"database.dsn +not set here *$", outcome.out, re.MULTILINE)
    assert outcome.out.endswith("Not set here, and required in production: SHOP_DATABASE__DSN.\n")
    assert "not-set.invalid" not in outcome.out + config("--profile", "production", "--json").out
    assert config("--json", "--profile", "production").json["missing"] == ["SHOP_DATABASE__DSN"]


def test_other_faults_of_another_profile_are_told_at_once(shop, monkeypatch):
    without_a_dsn(shop, monkeypatch)
    shop.write(".env.staging", "SHOP_MAIL__HSOT=x\nSHOP_DATABASE__MAX_SIZE=geheim\n")
    outcome = config("--profile", "staging")
    assert outcome.code == MISUSED
    assert ".env.staging:1 SHOP_MAIL__HSOT: there is no such setting. Did you mean SHOP_MAIL__HOST?" in outcome.err
    assert ".env.staging:2 SHOP_DATABASE__MAX_SIZE: Input should be a valid integer" in outcome.err
    assert SECRET not in outcome.err


REQUIRED = """
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from poolhouse.settings import ApplicationSettings

class Settings(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")
    key: SecretStr
    {more}

def for_staging(): return Settings(profile="staging", key="geheim")
"""


def required(shop, name="Settings", more=""):
    shop.write(f"{shop.module}_required.py", REQUIRED.format(more=more))
    shop.declare(container=f"{shop.module}:ApplicationContainer", settings=f"{shop.module}_required:{name}")


def test_secrets_of_the_application_may_be_missing_too(offline, monkeypatch):
    required(without_a_dsn(offline, monkeypatch))
    assert config("--profile", "production", "--json").json["missing"] == ["SHOP_KEY", "SHOP_DATABASE__DSN"]


def test_what_nothing_can_be_made_up_for_keeps_a_profile_from_being_seen(offline):
    required(offline, more="port: int")
    outcome = config("--profile", "production")
    assert outcome.code == MISUSED
    assert "production cannot be looked at without SHOP_KEY, SHOP_PORT" in outcome.err


def test_settings_that_are_made_for_one_profile_cannot_be_seen_in_another(offline):
    required(offline, "for_staging")
    assert config("--profile", "staging").code == 0
    outcome = config("--profile", "production")
    assert outcome.code == MISUSED
    assert "are made for staging, whatever is asked for" in outcome.err


def test_a_profile_that_there_is_not_is_refused(offline):
    outcome = config("--profile", "prod")
    assert outcome.code == MISUSED


def test_settings_are_shown_also_where_the_container_is_broken(offline):
    offline.declare(container="nowhere:Container", settings=f"{offline.module}:Settings")
    assert config().code == 0


def test_settings_of_the_container_are_shown_where_none_are_named(offline):
    text = (offline.root / f"{offline.module}.py").read_text()
    own = text.replace("providers.Dependency(instance_of=ApplicationSettings)", "providers.Singleton(Settings)")
    offline.write(f"{offline.module}_own.py", own)
    offline.declare(container=f"{offline.module}_own:ApplicationContainer")
    assert settings_of()["database.dsn"]["source"]["kind"] == "environment variable"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def Settings(): return 3", "are of the class int, of which nothing is known"),
        (
            "import pydantic\nclass Settings(pydantic.BaseModel, validate_default=True):\n    port: int = 'geheim'",
            "port: Input should be a valid integer",
        ),
    ],
)
def test_settings_of_another_kind_are_refused_without_their_values(offline, text, told):
    offline.write(f"{offline.module}_other.py", text)
    offline.declare(container=f"{offline.module}:ApplicationContainer", settings=f"{offline.module}_other:Settings")
    outcome = config()
    assert outcome.code == MISUSED
    assert told in outcome.err
    assert SECRET not in outcome.err


def test_an_application_without_settings_is_told_how_to_name_them(offline):
    offline.write(f"{offline.module}_bare.py", "from poolhouse.container import Container\nclass C(Container): ...\n")
    offline.declare(container=f"{offline.module}_bare:C")
    outcome = config()
    assert outcome.code == MISUSED
    assert 'settings = "app.settings:Settings"' in outcome.err
