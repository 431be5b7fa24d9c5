"""Defaults that differ between profiles: those of the library, and those that an application declares."""

from __future__ import annotations

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from poolhouse.settings import (
    ApplicationSettings,
    DatabaseSettings,
    MigrationMode,
    Origin,
    Profile,
    ServiceRoles,
    SettingsSection,
    origins,
    per_profile,
)
from tests.unit.settings.conftest import DSN


class Mail(SettingsSection):
    host: str = per_profile(Field(default="localhost", description="where mail goes"), production="mail.example")
    workers: int = per_profile(1, staging=2, production=4)
    sender: str = "shop@example.org"


class Nested(SettingsSection):
    mail: Mail = Mail(workers=3)
    retries: int = per_profile(0, production=5)


class Shop(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")
    greeting: str = per_profile("hello", development="hi", production="good day")
    mail: Mail = per_profile(Mail(), production=Mail(sender="orders@example.org"))
    nested: Nested = Nested()
    spare: Mail | None = None
    database: DatabaseSettings = per_profile(
        DatabaseSettings(command_timeout=7.0), production=DatabaseSettings(max_size=20)
    )


@pytest.fixture
def shop_in(shop):
    return lambda profile, **environment: shop(kind=Shop, APP_PROFILE=profile, APP_DATABASE__DSN=DSN, **environment)


@pytest.mark.parametrize(
    ("profile", "greeting", "workers"),
    [("development", "hi", 1), ("test", "hello", 1), ("staging", "hello", 2), ("production", "good day", 4)],
)
def test_a_default_may_differ_in_each_profile(shop_in, profile, greeting, workers):
    settings = shop_in(profile)
    assert (settings.greeting, settings.mail.workers) == (greeting, workers)


def test_everything_that_somebody_sets_counts_more(shop_in):
    settings = shop_in("production", APP_MAIL__WORKERS="9", APP_GREETING="ahoy")
    assert (settings.greeting, settings.mail.workers, settings.mail.host) == ("ahoy", 9, "mail.example")


def test_a_section_has_the_defaults_that_the_application_gives_it_for_the_profile(shop_in):
    assert shop_in("production").mail.sender == "orders@example.org"
    assert shop_in("production").database.max_size == 20
    assert shop_in("staging").mail.sender == "shop@example.org"
    assert shop_in("staging").database.max_size == 10


def test_what_the_application_sets_of_a_section_counts_more_than_what_the_section_has_for_the_profile(shop_in):
    production = shop_in("production")
    assert production.database.command_timeout == 7
    assert (production.nested.mail.workers, production.nested.mail.host, production.nested.retries) == (
        3,
        "mail.example",
        5,
    )
    assert origins(production)["nested", "mail", "host"] == Origin("profile default", "production")
    assert ("database", "command_timeout") not in origins(production)


def test_a_section_that_may_be_missing_has_its_defaults_once_something_of_it_is_set(shop_in):
    assert shop_in("production").spare is None
    spare = shop_in("production", APP_SPARE__SENDER="me@example.org").spare
    assert (spare.sender, spare.workers) == ("me@example.org", 4)


def test_a_section_that_is_passed_whole_is_as_it_is(shop):
    settings = shop(kind=Shop, arguments={"profile": "production", "database": {"dsn": DSN}, "mail": Mail()})
    assert settings.mail == Mail()


def test_a_default_for_a_profile_is_validated_where_it_counts(shop, faults):
    class Wrong(ApplicationSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")
        port: int = per_profile(Field(default=1, ge=1), test=0)

    assert shop(kind=Wrong).port == 1
    (fault,) = faults(kind=Wrong, APP_PROFILE="test").values()
    assert str(fault).startswith("APP_PORT: Input should be greater than or equal to 1")


def test_a_default_may_be_anything_that_the_setting_may_be(shop):
    class Various(ApplicationSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")
        key: SecretStr | None = per_profile(None, test=SecretStr("known"))
        hosts: tuple[str, ...] = per_profile(("a",), test=("b", "c"))
        spare: Mail | None = per_profile(None, test=Mail(sender="x"))
        main: Mail | None = per_profile(Mail(), test=None)

    settings = shop(kind=Various, APP_PROFILE="test")
    assert settings.key.get_secret_value() == "known"
    assert (settings.hosts, settings.spare, settings.main) == (("b", "c"), Mail(sender="x"), None)


def test_a_start_changes_nothing_where_users_are_served(shop_in):
    for profile in ("staging", "production"):
        database = shop_in(profile).database
        assert (database.migration_mode, database.service_roles) == (MigrationMode.WAIT, ServiceRoles.EXISTING)
    for profile in ("development", "test"):
        database = shop_in(profile).database
        assert (database.migration_mode, database.service_roles) == (MigrationMode.APPLY, ServiceRoles.MANAGED)


def test_staging_is_as_production_is():
    def database(profile):
        return ApplicationSettings(_env_file=None, profile=profile, database={"dsn": DSN}).database

    assert database(Profile.STAGING) == database(Profile.PRODUCTION)
    assert database(Profile.PRODUCTION).command_timeout == 30
