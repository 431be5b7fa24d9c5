"""Settings of the embedded PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from poolhouse.settings.section import SettingsSection


class EmbeddedSettings(SettingsSection):
    """The embedded PostgreSQL, for development and tests."""

    enabled: bool | None = Field(
        default=None,
        description="whether one runs. Where it is not set: when no DSN is set and the profile allows it",
    )
    data_directory: Path = Field(
        default=Path(".poolhouse/postgres"),
        description="folder in which the data stays between runs. In the working directory, one for each project",
    )
    binaries: Path | None = Field(
        default=None, description="folder of the programs postgres and initdb, to use these. Found where it is not set"
    )
