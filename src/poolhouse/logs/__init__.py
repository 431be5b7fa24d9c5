"""Log records as lines for a person, or as JSON for what collects them, with the service and the request in each."""

from poolhouse.logs.context import current_request, in_request
from poolhouse.logs.formatting import JsonFormatter, LineFormatter
from poolhouse.logs.setting_up import LogForm, LogLevel, LogSettings, set_up_logs

__all__ = [
    "JsonFormatter",
    "LineFormatter",
    "LogForm",
    "LogLevel",
    "LogSettings",
    "current_request",
    "in_request",
    "set_up_logs",
]
