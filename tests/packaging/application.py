"""`make run` in a terminal of its own, as a person starts and ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from queue import Empty, Queue
from threading import Thread

import psutil


class Run:
    """`make run` in a terminal of its own, up to its address."""

    def __init__(self, folder, **settings):
        ours = ("APP_", "MAKE", "VIRTUAL_ENV", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._begun = time.monotonic()
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=folder,
            env=kept | {"APP_HTTP__PORT": "0"} | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self._lines = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        try:
            self.url = self._address()
        except BaseException:
            self.__exit__()
            raise
        self.seconds = time.monotonic() - self._begun
        self.family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self._lines.put(line)
        self._lines.put(None)

    def _line(self):
        try:
            line = self._lines.get(timeout=120)
        except Empty:
            raise AssertionError(self.said) from None
        self.said += line or ""
        return line

    def _address(self):
        while (line := self._line()) is not None:
            if found := re.search(r"http://\S+", line):
                return found.group()
        raise AssertionError(self.said)

    def send(self, number):
        """Send a signal the way a person does: Ctrl-C reaches the whole terminal, the others the application."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            next(each for each in self.family if "app.main" in each.cmdline()).send_signal(number)

    def end(self, number=signal.SIGTERM):
        """End it by a signal, and return those of its processes that live two seconds later."""
        self.send(number)
        _, left = psutil.wait_procs(self.family, timeout=2)
        while self._line() is not None:
            pass
        self.process.wait()
        return left
