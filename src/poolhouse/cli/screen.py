"""Printing answers and errors."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table as DrawnTable
from rich.text import Text

from poolhouse.cli.answer import Table
from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from poolhouse.cli.answer import Answer


def show(answer: Answer, *, as_json: bool) -> None:
    """Print an answer on standard output, and its error on standard error."""
    if as_json:
        say_json(answer.data)
        return
    for part in answer.shown:
        _show_table(part) if isinstance(part, Table) else say(part)
    if answer.error is not None:
        sys.stdout.flush()
        show_error(answer.error)


def say(text: str) -> None:
    """Print a line for people on standard output, as it is."""
    sys.stdout.write(f"{text}\n")


def say_json(data: Mapping[str, object]) -> None:
    """Print an object for programs on standard output."""
    sys.stdout.write(f"{json.dumps(data, indent=2, ensure_ascii=False)}\n")


def warn(text: str) -> None:
    """Print a line for people on standard error."""
    sys.stderr.write(f"{text}\n")


def confirms(question: str) -> bool:
    """Ask on standard error, and return whether the answer on standard input is yes; CommandError without an answer."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    with interruptible():
        answer = sys.stdin.readline()
    if not answer:
        warn("")
        raise CommandError("nobody is there to answer", remedy="Say --yes")
    return answer.strip().lower() in {"y", "yes"}


def show_error(text: str) -> None:
    """Print on standard error what keeps the command from being done."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text("Error: ", style="bold red").append(text, style="default not bold"))


@contextmanager
def interruptible() -> Generator[None]:
    """Let Ctrl-C interrupt what blocks the event loop, such as a question to the person at the terminal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _show_table(table: Table) -> None:
    if not sys.stdout.isatty():
        for line in _padded(table):
            say(line)
        return
    drawn = DrawnTable(*table.headings, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in table.rows:
        # Text, since rich would take brackets in a string for its own.
        drawn.add_row(*map(Text, row))
    Console(highlight=False).print(drawn)


def _padded(table: Table) -> Iterator[str]:
    rows = (table.headings, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
