"""Setting up the log of a process."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum

from pydantic import Field

from poolhouse.logs.formatting import JsonFormatter, LineFormatter
from poolhouse.settings import SettingsSection, per_profile


class LogForm(StrEnum):
    """How a record of the log is written."""

    LINES = "lines"
    JSON = "json"


class LogLevel(StrEnum):
    """How much a record of the log matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class LogSettings(SettingsSection):
    """What of the log is written, and how."""

    form: LogForm = per_profile(
        Field(default=LogForm.LINES, description="lines for a person, or json for what collects logs"),
        staging=LogForm.JSON,
        production=LogForm.JSON,
    )
    level: LogLevel = Field(default=LogLevel.WARNING, description="the least level that is written")


def set_up_logs(settings: LogSettings) -> None:
    """Write the log of this process to standard error; called once, before anything is started.

    What others have set up is replaced, uvicorn's own handlers among it.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.form is LogForm.JSON else LineFormatter())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
