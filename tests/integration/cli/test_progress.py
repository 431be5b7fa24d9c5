"""How far many schemas have come, as a person sees it."""

from __future__ import annotations

import io

import pytest

from poolhouse.cli.progress import showing_progress
from poolhouse.migrations import MigrationProgress

STEPS = [MigrationProgress("tenants", 1, 0, 5), MigrationProgress("tenants", 3, 1, 5)]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def drawn(monkeypatch):
    """Return what is written to a terminal: `drawn(steps)`."""

    def drawn(steps):
        terminal = Terminal()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stderr", terminal)
        shown(steps)
        return terminal.getvalue()

    return drawn


def shown(steps):
    with showing_progress() as show:
        for step in steps:
            show(step)


def test_on_a_terminal_it_is_a_bar_that_is_gone_at_the_end(drawn):
    written = drawn(STEPS)
    assert all(part in written for part in ("tenants", "4/5", "1 failed"))
    assert written.endswith("\x1b[2K")  # the line of the bar, erased


def test_on_a_terminal_nothing_is_drawn_before_there_is_something_to_show(drawn):
    assert drawn([]) == ""


def test_elsewhere_each_step_is_a_line_on_standard_error(capsys):
    shown(STEPS)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "tenants: 1 of 5 schemas\ntenants: 3 of 5 schemas, 1 failed\n")
