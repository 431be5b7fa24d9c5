"""Running a verb to its exit code, whatever becomes of it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, cast

from poolhouse._core.masking import mask_text
from poolhouse.cli.answer import ExitCode
from poolhouse.cli.screen import say_json, show, show_error, warn
from poolhouse.errors import (
    CommandError,
    ConfigurationError,
    ExtraMissingError,
    MigrationNameError,
    PoolhouseError,
    Violations,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from poolhouse.cli.answer import Answer

_BROKEN_PIPE = 141
_MISUSES = (CommandError, ConfigurationError, ExtraMissingError, MigrationNameError)
_TRACEBACK = "POOLHOUSE_TRACEBACK"


def run(verb: Coroutine[Any, Any, Answer], *, as_json: bool) -> int:
    """Run `verb`, print what it answers or why it cannot, and return the exit code of the process."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    try:
        return _print(verb, as_json=as_json)
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has enough. What is still buffered must not be tried at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


def _print(verb: Coroutine[Any, Any, Answer], *, as_json: bool) -> int:
    try:
        answer = asyncio.run(_terminable(verb))
    except KeyboardInterrupt:
        warn("Interrupted.")
        return ExitCode.INTERRUPTED
    except asyncio.CancelledError:
        warn("Terminated.")
        return ExitCode.TERMINATED
    except PoolhouseError as error:
        _print_error(type(error).__name__, _parts(error), str(error), as_json=as_json)
        return _code_of(error)
    except Exception as error:  # noqa: BLE001 - nobody wants to see a traceback who did not ask for it
        if os.environ.get(_TRACEBACK):
            traceback.print_exc()
        told = f"{type(error).__name__}: {mask_text(str(error))}"
        said = f"{told}{_place(error)}. Set {_TRACEBACK}=1 to see where it comes from"
        _print_error(type(error).__name__, (), said, as_json=as_json)
        return ExitCode.FAILED
    show(answer, as_json=as_json)
    sys.stdout.flush()
    return answer.code


async def _terminable(verb: Coroutine[Any, Any, Answer]) -> Answer:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs is a task's
    # Windows has no SIGTERM that a process could wait for, and its event loop takes no handlers of signals.
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await verb


def _code_of(error: PoolhouseError) -> ExitCode:
    return ExitCode.MISUSED if isinstance(error, _MISUSES) else ExitCode.FAILED


def _parts(error: PoolhouseError) -> tuple[str, ...]:
    violations: Iterable[object] = cast("Any", error).violations if isinstance(error, Violations) else ()
    return tuple(map(str, violations))


def _print_error(kind: str, parts: tuple[str, ...], message: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"error": {"kind": kind, "message": message, "violations": list(parts)}})
    else:
        show_error(message)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
