"""Settings of an application, of its pool and of its embedded PostgreSQL, for each of its environments."""

from poolhouse.settings.application import ApplicationSettings, origins
from poolhouse.settings.database import DatabaseSettings, MigrationMode, Pooler, Reset, ServiceRoles
from poolhouse.settings.embedded import EmbeddedSettings
from poolhouse.settings.names import variables
from poolhouse.settings.origin import Origin
from poolhouse.settings.profile import Profile, per_profile
from poolhouse.settings.section import Seconds, SettingsSection

__all__ = [
    "ApplicationSettings",
    "DatabaseSettings",
    "EmbeddedSettings",
    "MigrationMode",
    "Origin",
    "Pooler",
    "Profile",
    "Reset",
    "Seconds",
    "ServiceRoles",
    "SettingsSection",
    "origins",
    "per_profile",
    "variables",
]
