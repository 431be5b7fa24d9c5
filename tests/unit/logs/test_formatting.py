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


def test_a_value_that_is_no_json_is_written_as_text():
    assert as_json(record("placed", order=object))["order"] == "<class 'object'>"


def test_the_trace_of_opentelemetry_is_named_where_somebody_traces():
    from opentelemetry.sdk.trace import TracerProvider

    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        fields = as_json(record("placed"))
    assert fields["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert fields["span_id"] == f"{span.get_span_context().span_id:016x}"
