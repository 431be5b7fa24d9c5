"""What a start says of itself."""

from __future__ import annotations

import logging

from dependency_injector import providers

from poolhouse.container import Container, StartReport, StepReport


def report_of(**seconds):
    return StartReport(tuple(StepReport(name, taken) for name, taken in seconds.items()), ())


def test_a_report_says_what_took_long_in_the_order_of_the_start_and_sums_up_the_rest():
    report = report_of(server=0.8, pool=0.05, migrations=0.3, roles=0.004, cache=0.003)
    assert str(report) == "started in 1.16 s: server 0.80 s, pool 0.05 s, migrations 0.30 s, 2 others 0.01 s"


def test_what_is_short_beside_the_whole_needs_no_word_of_its_own():
    assert str(report_of(index=100.0, pool=0.5)) == "started in 100.50 s: index 100.00 s, 1 other 0.50 s"


def test_a_start_without_steps_is_a_report_too():
    assert str(report_of()) == "started in 0.00 s"


async def test_each_start_is_logged_once(caplog):
    class Application(Container):
        it = providers.Resource(dict)

    application = Application()
    with caplog.at_level(logging.INFO, "poolhouse.container"):
        async with application:
            assert caplog.messages == [f"the container {application.report}"]
