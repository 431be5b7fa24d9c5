"""Whether somebody sits at the terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

ASKED = "from poolhouse.cli.keyboard import has_keyboard; print(has_keyboard())"


def test_nobody_types_at_the_terminal_of_another_session():
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-c", ASKED]
        answer = subprocess.run(
            command, check=False, stdin=theirs, capture_output=True, text=True, start_new_session=True
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert (answer.stdout, answer.stderr) == ("False\n", "")
