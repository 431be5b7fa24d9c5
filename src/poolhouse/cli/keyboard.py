"""The person at the terminal, who may say that it is to go on."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_MOST = 1024  # bytes: the longest line that anybody types


def has_keyboard() -> bool:
    """Whether a person can type something for this process to read."""
    return sys.stdin.isatty() and _is_in_front(sys.stdin.fileno())


@contextmanager
def enter_pressed() -> Generator[asyncio.Event]:
    """Give an event for the time of a block that is set when somebody presses Enter; it is never, without a terminal.

    What was typed before does not count. What is typed outside of the block is left to whoever reads it, such as a
    debugger.
    """
    pressed = asyncio.Event()
    if not has_keyboard():
        yield pressed
        return
    loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        # In the background the terminal would stop a process that reads.
        if _is_in_front(keyboard) and os.read(keyboard, _MOST):
            pressed.set()
        else:
            loop.remove_reader(keyboard)

    termios.tcflush(keyboard, termios.TCIFLUSH)
    loop.add_reader(keyboard, read)
    try:
        yield pressed
    finally:
        loop.remove_reader(keyboard)


def _is_in_front(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        # The terminal of another session, which this process cannot be in front of.
        return False
