"""Showing how far something has come that takes long, on standard error."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from poolhouse.cli.screen import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from poolhouse.migrations import MigrationProgress


@contextmanager
def showing_progress() -> Generator[Callable[[MigrationProgress], None]]:
    """Give what shows a progress: a bar for each module on a terminal, and elsewhere a line for each call.

    The bars are gone when the block ends.
    """
    with ExitStack() as stack:
        yield _Bars(stack).show if sys.stderr.isatty() else _show_line


def _show_line(progress: MigrationProgress) -> None:
    warn(str(progress))


class _Bars:
    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._drawn: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    def show(self, progress: MigrationProgress) -> None:
        # Not before there is something to show: while bars are drawn, all that others print goes through them.
        if self._drawn is None:
            self._drawn = self._stack.enter_context(_bars())
        if progress.module not in self._bars:
            self._bars[progress.module] = self._drawn.add_task(progress.module, total=progress.total, failed="")
        failed = f"{progress.failed} failed" if progress.failed else ""
        done = progress.done + progress.failed
        self._drawn.update(self._bars[progress.module], completed=done, total=progress.total, failed=failed)


def _bars() -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    failed = TextColumn("{task.fields[failed]}", style="red", markup=False)
    return Progress(*columns, failed, console=Console(stderr=True), transient=True)
