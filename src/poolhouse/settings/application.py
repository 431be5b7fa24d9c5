"""Settings of an application: validated whole, at construction, with every fault in one error.

An application subclasses `ApplicationSettings`, gives it a prefix, and adds what is its own::

    class Settings(ApplicationSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")
        http: HttpSettings = HttpSettings()

Then `APP_DATABASE__MAX_SIZE=20` sets `settings.database.max_size`.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotation
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from poolhouse.errors import ConfigurationError, SettingError, SettingsError
from poolhouse.settings.database import DatabaseSettings
from poolhouse.settings.embedded import EmbeddedSettings
from poolhouse.settings.faults import NO_DATABASE, OTHER_DATABASE, chosen_otherwise, faults_of
from poolhouse.settings.origin import Origin
from poolhouse.settings.profile import Profile
from poolhouse.settings.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationInfo
    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)


class _Origins(dict[tuple[str, ...], Origin]):
    """Where values are from, which is no part of what they are."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Origins)

    __hash__ = None


class ApplicationSettings(BaseSettings):
    """Base of an application's settings: profile, database and embedded PostgreSQL.

    Values come from arguments, then environment variables with the class's `env_prefix`, then `.env.<profile>`, then
    `.env`, then files in `secrets_dir`, then the defaults for the profile (`per_profile`), then the others. The profile
    is an argument, a variable, or in `.env`; files of other profiles are not looked at. `env_file` of the
    `model_config`, or the argument `_env_file`, names another file than `.env`, or None for none.

    Construction raises SettingsError with *everything* that is wrong: each illegal value, and each name with the
    prefix, or in the profile's file, that sets nothing, with the nearest that would. No value is shown. Instances are
    immutable.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
        validate_default=True,
    )

    profile: Profile = Field(
        default=Profile.DEVELOPMENT,
        description="the environment: development, test, staging or production. The first two may embed a PostgreSQL",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="folder with a file for each secret, such as app_database__dsn. Where, the orchestrator says",
    )
    database: DatabaseSettings = DatabaseSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()

    _origins: _Origins = PrivateAttr(default_factory=_Origins)

    def __init__(self, **values: Any) -> None:
        kind = type(self)
        reading = Reading(kind, _files(values.pop("_env_file", kind.model_config.get("env_file"))))
        details: list[ErrorDetails] = []
        faults: list[SettingError] = []
        token = _reading.set(reading)
        try:
            # The file is read with its lines, and apart from others.
            super().__init__(_env_file=None, **values)
        except ValidationError as error:
            details += error.errors(include_input=False, include_url=False)
        except UnreadableSettingError as error:
            # Of a source that an application has added; its cause may quote the value.
            faults.append(SettingError(kind.__qualname__, str(error)))
        finally:
            _reading.reset(token)
        faults += faults_of(kind, reading, details)
        if not faults and self.profile is not reading.profile:
            faults.append(chosen_otherwise(kind, self.profile, reading))
        if faults:
            raise SettingsError(faults)
        self._origins = _Origins(reading.origins(self))

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if cls.model_config.get("secrets_dir") is not None:
            fact, remedy = "secrets_dir is a setting here", 'Write it as one: secrets_dir: Path | None = Path("…")'
            raise ConfigurationError(fact, place=f"{cls.__qualname__}.model_config", remedy=remedy)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours stands for it
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours stands for it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours stands for it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the first counting most and the defaults for the profile last; others can be added."""
        reading = _reading.get()
        if reading is None or reading.kind is not settings_cls:
            reading = Reading(settings_cls, _files(settings_cls.model_config.get("env_file")))
        return reading.open(init_settings)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with some of its values replaced, which are not validated."""
        copied = super().model_copy(update=update, deep=deep)
        kept = ((path, origin) for path, origin in self._origins.items() if path[0] not in (update or {}))
        copied._origins = _Origins(kept)  # noqa: SLF001 - of the same class
        return copied

    @field_validator("secrets_dir", mode="before")
    @classmethod
    def _is_a_folder(cls, folder: object) -> object:
        if folder == "":
            raise PydanticCustomError("secrets_dir", "it is empty; leave it out where there is no folder")
        return folder

    @field_validator("embedded")
    @classmethod
    def _embedded_stands_in_for_a_dsn(cls, embedded: EmbeddedSettings, info: ValidationInfo) -> EmbeddedSettings:
        profile, database = info.data.get("profile"), info.data.get("database")
        if profile is None or database is None:
            return embedded
        if embedded.enabled is None:
            return embedded.model_copy(update={"enabled": database.dsn is None and profile.allows_embedded})
        if embedded.enabled and database.dsn is not None:
            raise PydanticCustomError("embedded", "a DSN is set, so no embedded PostgreSQL may be enabled")
        if embedded.enabled and not profile.allows_embedded:
            names = {"profile": profile.value}
            raise PydanticCustomError("embedded", "there is no embedded PostgreSQL in {profile}", names)
        return embedded

    @model_validator(mode="after")
    def _there_is_a_database(self) -> ApplicationSettings:
        if self.database.dsn is None and not self.embedded.enabled:
            profile = {"profile": self.profile.value}
            raise PydanticCustomError(NO_DATABASE, "it is not set, and no PostgreSQL is embedded in {profile}", profile)
        if self.database.migration_dsn is not None and self.embedded.enabled:
            fact = "it is set, and without a DSN what is to be migrated is the embedded PostgreSQL"
            raise PydanticCustomError(OTHER_DATABASE, fact)
        return self


def origins(settings: ApplicationSettings) -> Mapping[tuple[str, ...], Origin]:
    """Return where the values of settings are from, by the names that lead to each; what has no source is not in it."""
    return settings._origins  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - kept out of the names of settings


def _files(named: Any) -> tuple[Path, ...]:
    if isinstance(named, list | tuple):
        return tuple(map(Path, cast("Sequence[str]", named)))
    return () if named is None else (Path(named),)
