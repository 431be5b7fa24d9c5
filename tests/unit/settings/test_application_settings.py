"""Settings of an application: what is right, and what is said of wrong ones."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from poolhouse.errors import ConfigurationError, SettingError, SettingsError
from poolhouse.settings import ApplicationSettings, DatabaseSettings, Profile, variables
from tests.unit.settings.conftest import DSN, PASSWORD, Http, Shop, everything


def test_a_development_without_a_dsn_embeds_its_postgresql(shop):
    settings = shop()

    assert settings.profile is Profile.DEVELOPMENT
    assert settings.embedded.enabled is True


def test_a_test_without_a_dsn_embeds_its_postgresql(shop):
    assert shop(APP_PROFILE="test").embedded.enabled is True


def test_with_a_dsn_nothing_is_embedded(shop):
    assert shop(APP_DATABASE__DSN=DSN).embedded.enabled is False


@pytest.mark.parametrize("profile", ["staging", "production"])
def test_a_profile_that_serves_users_needs_a_dsn(faults, profile):
    fault = faults(APP_PROFILE=profile)["APP_DATABASE__DSN"]

    assert str(fault) == (
        f"APP_DATABASE__DSN: it is not set, and no PostgreSQL is embedded in {profile}. Set it as a variable, in "
        f".env.{profile}, or as a file app_database__dsn in secrets_dir"
    )


@pytest.mark.parametrize("profile", ["staging", "production"])
def test_a_profile_that_serves_users_cannot_embed_its_postgresql(faults, profile):
    assert profile in str(faults(APP_PROFILE=profile, APP_EMBEDDED__ENABLED="true")["APP_EMBEDDED"])


def test_an_embedded_postgresql_beside_a_dsn_is_a_contradiction(faults):
    assert "a DSN is set" in str(faults(APP_DATABASE__DSN=DSN, APP_EMBEDDED__ENABLED="true")["APP_EMBEDDED"])


def test_development_may_have_no_database_only_when_it_has_a_dsn(faults):
    assert "APP_DATABASE__DSN" in faults(APP_EMBEDDED__ENABLED="false")


def test_a_nested_variable_sets_one_field_and_leaves_the_others(shop):
    settings = shop(APP_DATABASE__MAX_SIZE="20", APP_EMBEDDED__DATA_DIRECTORY="/data")

    assert (settings.database.max_size, settings.database.min_size) == (20, 2)
    assert settings.embedded.data_directory == Path("/data")


def test_variables_are_read_in_any_case(shop):
    assert shop(app_database__max_size="20").database.max_size == 20


def test_a_section_may_be_one_variable_of_json(shop):
    settings = shop(APP_DATABASE=f'{{"dsn": "{DSN}", "max_size": 3}}')

    assert settings.database.max_size == 3
    assert settings.database.dsn.get_secret_value() == DSN


def test_an_argument_counts_more_than_a_variable(shop):
    settings = shop(APP_DATABASE__MAX_SIZE="7", arguments={"database": {"dsn": DSN, "max_size": 4}})

    assert settings.database.max_size == 4


def test_a_whole_section_as_argument_hides_its_variables(shop):
    settings = shop(APP_DATABASE__MAX_SIZE="7", arguments={"database": DatabaseSettings(max_size=4)})

    assert settings.database == DatabaseSettings(max_size=4)


def test_an_optional_section_can_be_set_by_its_fields(shop):
    assert shop(APP_METRICS__PORT="9000").metrics == Http(port=9000)


def test_a_dictionary_can_be_set_by_its_keys(shop):
    assert shop(APP_LABELS__TEAM="shop").labels == {"team": "shop"}


def test_a_field_with_a_name_of_its_own_is_known_by_it(shop):
    assert shop(APP_TIMEZONE="CET").zone == "CET"


def test_settings_cannot_be_changed(shop):
    settings = shop()

    with pytest.raises(ValidationError, match="frozen"):
        settings.profile = Profile.TEST
    with pytest.raises(ValidationError, match="frozen"):
        settings.database.max_size = 3


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("APP_PROFIL", "APP_PROFILE"),
        ("APP_DATABASE_DSN", "APP_DATABASE__DSN"),
        ("APP__DATABASE__DSN", "APP_DATABASE__DSN"),
        ("APP_DATABSE__MAX_SIZE", "APP_DATABASE__MAX_SIZE"),
        ("APP_DATABASE__MAX_SZE", "APP_DATABASE__MAX_SIZE"),
        ("APP_EMBEDDED__ENABLE", "APP_EMBEDDED__ENABLED"),
        ("APP_HTTP__PRT", "APP_HTTP__PORT"),
        ("APP_METRICS__PRT", "APP_METRICS__PORT"),
        ("APP_PROFILE__NAME", "APP_PROFILE"),
        ("APP_DATABASE__DSN__PASSWORD", "APP_DATABASE__DSN"),
        ("app_databse__dsn", "APP_DATABASE__DSN"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_the_nearest_name_that_does(faults, mistyped, meant):
    fault = faults(**{mistyped: PASSWORD})[mistyped]

    assert str(fault).endswith(f"there is no such setting. Did you mean {meant}?")


def test_a_variable_near_to_nothing_is_told_what_there_is(faults):
    assert "Known are APP_HTTP__PORT" in str(faults(APP_HTTP__XYZ="1")["APP_HTTP__XYZ"])


def test_the_bare_prefix_is_no_setting(faults):
    assert "there is no such setting" in str(faults(APP_="1")["APP_"])


def test_variables_with_another_prefix_are_nobodys_business(shop, monkeypatch):
    monkeypatch.setenv("APPLE_PIE", "1")
    monkeypatch.setenv("XAPP_PROFILE", "1")

    assert shop()


def test_an_unknown_argument_is_refused(shop):
    with pytest.raises(SettingsError, match=r"APP_DATABSE: there is no such setting\. Did you mean APP_DATABASE\?"):
        shop(arguments={"databse": {}})


def test_everything_that_is_wrong_is_said_at_once(faults):
    wrong = faults(
        APP_PROFIL="x",
        APP_PROFILE="prod",
        APP_DATABASE__MIN_SIZE="-1",
        APP_DATABASE__MAX_SIZE="many",
        APP_DATABASE__SIZE="3",
        APP_EMBEDDED__ENABLED="perhaps",
        APP_HTTP__PORT="http",
    )

    assert set(wrong) == {
        "APP_PROFIL",
        "APP_PROFILE",
        "APP_DATABASE__MIN_SIZE",
        "APP_DATABASE__MAX_SIZE",
        "APP_DATABASE__SIZE",
        "APP_EMBEDDED__ENABLED",
        "APP_HTTP__PORT",
    }


def test_an_illegal_profile_is_told_the_legal_ones(faults):
    assert "'development', 'test', 'staging' or 'production'" in str(faults(APP_PROFILE="prod")["APP_PROFILE"])


def test_a_pool_whose_least_size_is_above_its_greatest_is_refused(faults):
    fault = faults(APP_DATABASE__MIN_SIZE="7", APP_DATABASE__MAX_SIZE="3")["APP_DATABASE"]

    assert str(fault) == "APP_DATABASE: min_size (7) is greater than max_size (3)"


def test_all_contradictions_of_the_database_are_said_at_once_and_with_what_else_is_wrong(faults):
    wrong = faults(
        APP_DATABASE__MIN_SIZE="7",
        APP_DATABASE__MAX_SIZE="3",
        APP_DATABASE__MAX_CONNECTIONS='{"reports": 4}',
        APP_HTTP__PORT="http",
    )

    assert set(wrong) == {"APP_DATABASE", "APP_DATABASE__MAX_CONNECTIONS__REPORTS", "APP_HTTP__PORT"}


def test_a_dsn_for_migrations_beside_an_embedded_postgresql_is_a_contradiction(faults):
    fault = faults(APP_DATABASE__MIGRATION_DSN=DSN)["APP_DATABASE__MIGRATION_DSN"]

    assert "the embedded PostgreSQL" in str(fault)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_DATABASE__DSN", f"mysql://shop:{PASSWORD}@db/shop"),
        ("APP_DATABASE__DSN", f" postgresql://shop:{PASSWORD}@db/shop"),
        ("APP_DATABASE__DSN", f'{{"password": "{PASSWORD}"}}'),
        ("APP_DATABASE__DSN", PASSWORD),
        ("APP_DATABASE", f'"{PASSWORD}"'),
        ("APP_DATABASE", f'["{PASSWORD}"]'),
        ("APP_DATABASE", f'{{"dsn": "{DSN}'),
        ("APP_DATABASE", PASSWORD),
        ("APP_TAGS", PASSWORD),
        ("APP_TAGS__X", PASSWORD),
        ("APP_PROFILE", PASSWORD),
        ("APP_HTTP__PORT", PASSWORD),
    ],
)
def test_a_wrong_value_is_never_shown(faults, name, value):
    (fault,) = faults(**{name: value}).values()

    assert fault.name == name.removesuffix("__X")


@pytest.mark.parametrize("database", [{"dsn": [PASSWORD]}, {"dsn": DSN, PASSWORD: 1}, {"dsn": f"{DSN}\0"}, [PASSWORD]])
def test_a_wrong_argument_is_never_shown(shop, database):
    with pytest.raises(SettingsError) as caught:
        shop(arguments={"database": database})

    shown = everything(caught.value)
    # The name of a key is shown, as that of a setting which does not exist; a value is not.
    assert PASSWORD not in shown.replace(f"APP_DATABASE__{PASSWORD.upper()}", "")


def test_json_that_cannot_be_read_names_its_variable(faults):
    assert str(faults(APP_DATABASE="{")["APP_DATABASE"]) == "APP_DATABASE: it cannot be read as JSON"


def test_a_password_shows_in_no_text_of_the_settings(shop):
    settings = shop(APP_DATABASE__DSN=DSN)

    assert (
        PASSWORD
        not in f"{settings!r}{settings}{settings.database!r}{settings.model_dump()}{settings.model_dump_json()}"
    )


def test_settings_survive_pickling_with_their_secret(shop):
    settings = shop(APP_DATABASE__DSN=DSN)

    again = pickle.loads(pickle.dumps(settings))

    assert again == settings
    assert again.database.dsn.get_secret_value() == DSN


def test_the_error_survives_pickling(faults, shop):
    faults(APP_PROFIL="x")
    with pytest.raises(SettingsError) as caught:
        shop()

    again = pickle.loads(pickle.dumps(caught.value))

    assert isinstance(again, ConfigurationError)
    assert str(again) == str(caught.value)
    assert isinstance(again.violations[0], SettingError)


def test_all_variables_can_be_listed():
    names = variables(Shop)

    assert {"APP_PROFILE", "APP_DATABASE__DSN", "APP_EMBEDDED__BINARIES", "APP_HTTP__PORT", "APP_TIMEZONE"} <= set(
        names
    )
    assert list(names) == sorted(names)


def test_settings_without_a_prefix_refuse_no_variable(monkeypatch):
    monkeypatch.setenv("SOMETHING_ELSE", "1")

    assert ApplicationSettings().embedded.enabled is True


@pytest.mark.parametrize(
    ("written", "remedy"),
    [("prodution", "Did you mean production?"), ("qa", "There are development, test, staging, production")],
)
def test_a_profile_that_there_is_not_has_its_nearest_neighbour_named(faults, written, remedy):
    assert str(faults(APP_PROFILE=written)["APP_PROFILE"]).endswith(remedy)


class Limits(BaseModel):
    per_minute: int = 60


class Api(BaseModel):
    """A section as most write it, which neither forbids other names nor keeps them."""

    limits: Limits = Limits()
    clients: dict[str, Limits] = {}
    title: str = Field(default="", validation_alias="caption")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Read(BaseModel):
    @model_validator(mode="before")
    @classmethod
    def _read(cls, values):
        return values


class Serving(Shop):
    api: Api = Api()
    opened: Open = Open()
    read: Read = Read()
    either: Api | Limits | None = None


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("APP_API__LIMITS__PER_MINTE", "APP_API__LIMITS__PER_MINUTE"),
        ("APP_API__LIMTS__PER_MINUTE", "APP_API__LIMITS__PER_MINUTE"),
        ("APP_API__CLIENS", "APP_API__CLIENTS"),
        ("APP_EITHER__PER_MINTE", "APP_EITHER__"),
    ],
)
def test_a_name_that_a_section_ignores_is_refused(shop, wrong, meant):
    with pytest.raises(SettingsError) as caught:
        shop(kind=Serving, **{wrong: "1"})
    (fault,) = caught.value.violations
    assert fault.name == wrong
    assert meant in str(fault)


@pytest.mark.parametrize(
    "name",
    [
        "APP_API__LIMITS__PER_MINUTE",
        "APP_API__CLIENTS__one__per_minute",
        "APP_API__CAPTION",
        "APP_OPENED__ANYTHING",
        "APP_READ__ANYTHING",
        "APP_EITHER__PER_MINUTE",
        "APP_LABELS__ONE",
    ],
)
def test_a_name_that_a_section_takes_or_may_take_is_welcome(shop, name):
    shop(kind=Serving, **{name: "1"})
