"""How one record of the log is written."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from poolhouse._core.masking import MASK, mask_text, names_a_secret
from poolhouse.logs.context import context_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What a record has by itself; whatever else is in it came with `extra=`. uvicorn says its message there once more.
_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"})

# What moves a terminal's cursor, colours it, begins a line, or turns the direction of reading.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# Messages of poolhouse's own have several lines, so they stay lines; but none but a record's first begins at the edge.
_FURTHER_LINE = "\n    "


class LineFormatter(logging.Formatter):
    """A line for a person: time, level, logger, message, and what it belongs to; a traceback below it.

    Further lines of a record are set in, and control characters escaped, so that nothing in a message, such as a name
    that a request brought, can pass for another record or steer the terminal. Passwords in DSNs and other URLs, and
    what is written `password=…`, are masked.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        facts = {**context_of(record.name), **_extras(record)}
        about = f" [{' '.join(f'{name}={value}' for name, value in facts.items())}]" if facts else ""
        line = f"{time} {record.levelname:7} {record.name}: {record.getMessage()}{about}"
        return _set_in(mask_text("\n".join(filter(None, (line, _traceback(self, record))))))


class JsonFormatter(logging.Formatter):
    """One JSON object in a line, for what collects logs.

    `time` (ISO 8601, UTC), `level`, `logger` and `message` are in each; `service`, `request_id`, `trace_id` and
    `span_id` where they are known; `error` is a traceback; and whatever came with `extra=`. Masked as lines are.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask_text(record.getMessage()),
            **context_of(record.name),
        }
        fields |= {name: value for name, value in _extras(record).items() if name not in fields}
        trace = _traceback(self, record)
        if trace:
            fields["error"] = mask_text(trace)
        return json.dumps(fields, ensure_ascii=False, default=_shown)


def _set_in(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text).replace("\n", _FURTHER_LINE)


def _extras(record: logging.LogRecord) -> Mapping[str, Any]:
    return _masked_each({name: value for name, value in vars(record).items() if name not in _OWN})


def _masked_each(values: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: MASK if names_a_secret(str(name)) else _masked(value) for name, value in values.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return _masked_each(cast("Mapping[Any, Any]", value))
    if isinstance(value, list | tuple):
        return [_masked(each) for each in cast("Sequence[Any]", value)]
    return value


def _shown(value: object) -> str:
    return mask_text(str(value))


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    # As the standard library's formatter does, which keeps the text for those after it.
    if record.exc_info and not record.exc_text:
        record.exc_text = formatter.formatException(record.exc_info)
    stack = formatter.formatStack(record.stack_info) if record.stack_info else None
    return "\n".join(filter(None, (record.exc_text, stack)))
