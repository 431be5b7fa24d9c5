"""Setting up the log of a process."""

from __future__ import annotations

import logging
import sys
from typing import Literal

from pydantic import Field

from poolhouse.logs.formatting import JsonFormatter, LineFormatter
from poolhouse.settings import SettingsSection, per_profile

Form = Literal["lines", "json"]
Level = Literal["debug", "info", "warning", "error", "critical"]


class LogSettings(SettingsSection):
    """What of the log is written, and how."""

    form: Form = per_profile(
        Field(default="lines", description="lines for a person, or json for what collects logs"),
        staging="json",
        production="json",
    )
    level: Level = Field(default="warning", description="the least level that is written")


def set_up_logs(settings: LogSettings) -> None:
    """Write the log of this process to standard error; called once, before anything is started.

    What others have set up is replaced, uvicorn's own handlers among it.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.form == "json" else LineFormatter())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
