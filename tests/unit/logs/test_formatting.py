from __future__ import annotations

import json
import logging
import sys

import pytest

from poolhouse.logs import JsonFormatter, LineFormatter, current_request, in_request


def record(message, *args, name="services.orders.service", error=None, **extra):
    made = logging.getLogger(name).makeRecord(
        name, logging.WARNING, "service.py", 1, message, args, error, extra=extra or None
    )
    made.created = 1_700_000_000.5
    return made


def as_json(made):
    return json.loads(JsonFormatter().format(made))


def test_a_json_record_has_its_time_level_logger_message_and_service():
    assert as_json(record("%d orders", 3)) == {
        "time": "2023-11-14T22:13:20.500+00:00",
        "level": "warning",
        "logger": "services.orders.service",
        "message": "3 orders",
        "service": "orders",
    }


def test_a_record_of_no_service_names_none():
    assert "service" not in as_json(record("waiting", name="poolhouse.pool"))


def test_what_is_logged_in_a_request_names_it():
    with in_request("abc"):
        assert as_json(record("placed"))["request_id"] == "abc"
        assert LineFormatter().format(record("placed")).endswith("[service=orders request_id=abc]")
    assert current_request() is None


def test_what_came_with_extra_is_kept_and_hides_nothing():
    fields = as_json(record("placed", order=7, service="another"))
    assert (fields["order"], fields["service"]) == (7, "orders")


def test_the_message_that_uvicorn_repeats_with_colours_is_written_once():
    made = record("Started", name="uvicorn.error", color_message="\x1b[36mStarted\x1b[0m")
    assert as_json(made).keys() == {"time", "level", "logger", "message"}
    assert LineFormatter().format(made).endswith("uvicorn.error: Started")


@pytest.mark.parametrize("formatter", [JsonFormatter(), LineFormatter()], ids=["json", "lines"])
@pytest.mark.parametrize(
    "made",
    [
        record("cannot connect to %s", "postgresql://ada:hunter2@db/shop"),
        record("password=hunter2"),
        record("settings", dsn="postgresql://ada:hunter2@db/shop"),
        record("settings", api_key="hunter2"),
    ],
    ids=["a DSN", "an assignment", "a DSN in extra", "a secret's name in extra"],
)
def test_no_password_is_written(formatter, made):
    assert "hunter2" not in formatter.format(made)


def connect(dsn):
    raise ValueError(f"{dsn} is wrong")


def failed():
    try:
        connect("postgresql://ada:hunter2@db/shop")
    except ValueError:
        return record("it failed", error=sys.exc_info())


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()], ids=["line", "json"])
def test_no_password_is_written_that_is_within_other_values(formatter):
    hosts = [{"token": "hunter2"}, ("postgresql://ada:hunter2@db/shop",)]
    written = formatter.format(record("started", settings={"password": "hunter2", "hosts": hosts}))

    assert "hunter2" not in written
    assert "hosts" in written


def test_a_traceback_is_a_field_of_its_own_in_json_and_below_a_line():
    fields, line = as_json(failed()), LineFormatter().format(failed())
    for text in (fields["error"], line):
        assert "Traceback" in text
        assert "hunter2" not in text
    assert "\n" not in JsonFormatter().format(failed())


FORGED = "\n12:00:00.000 ERROR   services.payments: paid"


@pytest.mark.parametrize(
    "made",
    [record("no user %s", FORGED), record("no user", given=FORGED), record(FORGED, name="one\ntwo")],
    ids=["a message", "an extra", "a logger"],
)
def test_no_line_of_a_record_but_its_first_begins_at_the_edge(made):
    first, *others = LineFormatter().format(made).splitlines()
    assert first[0].isdigit()
    assert others
    assert all(line.startswith("    ") for line in others)


def test_the_message_of_an_error_cannot_pass_for_a_record_either():
    error = ValueError(FORGED)
    _, *others = LineFormatter().format(record("it failed", error=(ValueError, error, None))).splitlines()
    assert "services.payments: paid" in others[-1]
    assert all(line.startswith("    ") for line in others)


@pytest.mark.parametrize("control", ["\x1b[2J", "\r", "\x08", "\x7f", "\x85", "\x9b", "\u2028", "\u202e"])
def test_control_characters_are_escaped(control):
    written = LineFormatter().format(record(f"no user {control}!"))
    assert control not in written
    assert written.count("\\") == 1


def test_other_characters_stay_as_they_are():
    assert "Ünï 東京\t“x”" in LineFormatter().format(record("Ünï 東京\t“x”"))


def test_a_value_that_is_no_json_is_written_as_text():
    assert as_json(record("placed", order=object))["order"] == "<class 'object'>"


def test_the_trace_of_opentelemetry_is_named_where_somebody_traces():
    from opentelemetry.sdk.trace import TracerProvider

    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        fields = as_json(record("placed"))
    assert fields["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert fields["span_id"] == f"{span.get_span_context().span_id:016x}"
