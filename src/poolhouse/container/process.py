"""A process that is an application: its exit code, what a person is told, and signals that end it well."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poolhouse.errors import PoolhouseError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from poolhouse.container.declarative import Container

_log = logging.getLogger("poolhouse.container")

FAILED, MISUSED = 1, 2
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run `main` in a loop of its own and return the exit code of the process: 0 when it ends by itself.

    A PoolhouseError is shown on standard error, with its notes and without a traceback: exit code 2 for
    faulty settings, else 1. Any other exception passes through.
    """
    code = 0
    try:
        asyncio.run(main())
    except* SettingsError as errors:
        code = MISUSED
        _complain(errors)
    except* PoolhouseError as errors:
        code = code or FAILED
        _complain(errors)
    return code


def _complain(errors: BaseExceptionGroup[PoolhouseError]) -> None:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            _complain(error)
        else:
            print(error, *getattr(error, "__notes__", ()), sep="\n  ", file=sys.stderr)  # noqa: T201 - for a person


async def run_until_stopped(container: Container, *, started: Callable[[], None] | None = None) -> None:
    """Start `container`, and stop it on SIGINT or SIGTERM; for what serves nobody, such as a worker.

    The work is its background tasks'. `started` is called when the start is over. A signal during the start rolls that
    back, and what fails then is logged; where the start had failed by itself, its error is raised. A background task
    whose crash stops the application ends this with its BackgroundTaskError; an error of the start or of the shutdown
    is raised as it is.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    stopped = is_ending = False

    def stop() -> None:
        nonlocal stopped, is_ending
        # Once, as a shutdown goes on whoever cancels it, and its steps have limits; and a crash would be forgotten.
        if not is_ending:
            stopped = is_ending = True
            task.cancel()

    with on_signals(stop):
        try:
            async with container:
                try:
                    if started is not None:
                        started()
                    await asyncio.Event().wait()
                finally:
                    is_ending = True
        except asyncio.CancelledError as cancelled:
            if not stopped or task.uncancel():
                raise
            log_interrupted_start(cancelled)


def log_interrupted_start(cancelled: asyncio.CancelledError) -> None:
    """Log what a start says that a signal has cancelled: what it was doing, and what failed then."""
    for note in getattr(cancelled, "__notes__", ()):
        _log.warning("stopped by a signal during the start, %s", note)


@contextmanager
def on_signals(stop: Callable[[], object]) -> Generator[None]:
    """Call `stop` on each SIGINT and SIGTERM, in the running loop, for the time of a block."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
