"""The settings of this application, each set by an environment variable such as `APP_HTTP__PORT`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from poolhouse.logs import LogSettings
from poolhouse.settings import ApplicationSettings, SettingsSection, per_profile


class HttpSettings(SettingsSection):
    """Where the application serves, what it shows of itself, and how long it takes leave."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65_535, description="port to listen on; 0 takes any free one")
    docs: bool = per_profile(
        Field(default=True, description="whether /docs describes the routes to everybody"), production=False
    )
    shutdown_timeout: int = Field(default=10, ge=0, description="seconds that requests in flight have to finish")


class Settings(ApplicationSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="APP_")

    http: HttpSettings = HttpSettings()
    logs: LogSettings = LogSettings()
