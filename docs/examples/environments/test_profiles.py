"""Settings and wiring that differ between profiles."""

from __future__ import annotations

from typing import Protocol

import pytest
from dependency_injector import providers
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from poolhouse.container import Container
from poolhouse.settings import ApplicationSettings, DatabaseSettings, Profile, SettingsSection, per_profile


# begin: settings
class MailSettings(SettingsSection):
    host: str = "localhost"
    password: SecretStr | None = None
    workers: int = per_profile(Field(default=1, ge=1, description="letters sent at once"), staging=2, production=4)


class Settings(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")

    mail: MailSettings = per_profile(MailSettings(), production=MailSettings(host="mail.example.org"))
    database: DatabaseSettings = per_profile(
        DatabaseSettings(application_name="shop"), production=DatabaseSettings(max_size=20)
    )
    # end: settings


class Mailer(Protocol):
    async def send(self, letter: str) -> None: ...


class Mailbox:
    """Keeps what is sent, for whoever develops or tests."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    async def send(self, letter: str) -> None:
        self.letters.append(letter)


class Smtp:
    """Would send it; opens a connection at the start."""

    def __init__(self, settings: MailSettings) -> None:
        self.settings = settings
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def send(self, letter: str) -> None: ...


class Accounts:
    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer


# begin: container
class ApplicationContainer(Container):
    settings = providers.Dependency(instance_of=ApplicationSettings)
    mailbox = providers.Singleton(Mailbox)
    smtp = providers.Resource(Smtp, settings.provided.mail)
    mailer = providers.Selector(
        settings.provided.profile, development=mailbox, test=mailbox, staging=smtp, production=smtp
    )
    accounts = providers.Factory(Accounts, mailer)
    # end: container


@pytest.fixture
def container(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda profile: ApplicationContainer(
        settings=Settings(profile=profile, database={"dsn": "postgresql://nowhere.invalid/"})
    )


@pytest.mark.parametrize("profile", Profile)
async def test_what_a_profile_has_not_chosen_is_not_opened(container, profile):
    async with container(profile) as application:
        is_real = profile in {Profile.STAGING, Profile.PRODUCTION}
        assert isinstance(application.accounts().mailer, Smtp if is_real else Mailbox)
        assert application.smtp().is_open is is_real


def test_defaults_differ(container):
    production, test = (container(profile).settings() for profile in (Profile.PRODUCTION, Profile.TEST))
    assert (production.mail.host, production.mail.workers) == ("mail.example.org", 4)
    assert (test.mail.host, test.mail.workers) == ("localhost", 1)
