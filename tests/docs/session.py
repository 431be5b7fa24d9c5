"""Runs the console sessions of a page, as a reader would, and compares what is printed with what the page shows."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT

LIMIT = 120
PORT = 8000
# The server of one's own that pages speak of.
DSN = "postgresql://shop@localhost:5432/shop"
# What runs until it is stopped; a page goes on in another terminal.
_SERVING = re.compile(r"\b(make run|python -m app\.main|poolhouse dev)\b")
_SLOW = re.compile(r"WARNING poolhouse\.container: .* has taken \d+ s so far")
_FOLDERS = ("app", "containers", "services", "migrations", "requirements")
_FILES = ("pyproject.toml", "Makefile", "README.md")


@dataclass(slots=True)
class Session:
    """A folder and an environment in which commands are run, one after another."""

    folder: Path
    dsn: str = DSN
    environment: dict[str, str] = field(default_factory=dict)
    _serving: list[subprocess.Popen] = field(default_factory=list)

    def __post_init__(self):
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
            "HOME": str(self.folder.parent),
            "COLUMNS": "110",
            "APP_HTTP__PORT": str(_free_port()),
            **self.environment,
        }

    @classmethod
    def of_application(cls, folder, **options):
        """Begin with a copy of the reference application."""
        folder.mkdir(parents=True)
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, folder / name)
        for name in _FILES:
            shutil.copy2(ROOT / name, folder)
        _installed(folder / ".venv")
        return cls(folder, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Stop what serves, as Ctrl-C does."""
        while self._serving:
            process = self._serving.pop()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=30)
            process.stdout.close()

    def write(self, block):
        """Write what a page has a reader write; a block that begins with an ellipsis is added to the file."""
        path = self.folder / block.options["caption"].strip("`")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body)

    def run(self, block):
        """Run the commands of a block and return what differs from what it shows, a sentence each."""
        return [fault for command, shown in commands(block.text) if (fault := self._run(command, shown))]

    def _run(self, command, shown):
        port = self.environment["APP_HTTP__PORT"]
        command, shown = (text.replace(str(PORT), port).replace(DSN, self.dsn) for text in (command, shown))
        if command.startswith(("cd ", "export ")):
            return self._change(*command.split(" ", 1))
        if " && cd " in command:
            before, _, folder = command.partition(" && cd ")
            return self._run(before, shown) or self._change("cd", folder)
        if _SERVING.search(command):
            return self._serve(command, shown)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        if shown and not is_like(shown, done.stdout):
            return f"{command} printed:\n{done.stdout}\ninstead of:\n{shown}"
        if not shown and done.returncode:
            return f"{command} failed:\n{done.stdout}"
        return None

    def _change(self, word, argument):
        # What a shell keeps from one command to the next.
        if word == "export":
            name, _, value = argument.partition("=")
            self.environment[name] = value
        else:
            self.folder /= argument
            if (self.folder / "Makefile").exists() and not (self.folder / ".venv").exists():
                _installed(self.folder / ".venv")

    def _serve(self, command, shown):
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._serving.append(process)
        said, deadline = b"", time.monotonic() + LIMIT
        while not is_like(shown, said.decode()):
            if time.monotonic() > deadline or process.poll() is not None:
                return f"{command} printed:\n{said.decode()}\ninstead of:\n{shown}"
            if select.select([process.stdout], [], [], 0.5)[0]:
                said += os.read(process.stdout.fileno(), 65536)
        return None


def commands(text):
    """Return the commands of a block, each with what is shown to be printed by it."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += f"\n{line[2:]}"
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(shown).strip("\n")) for command, shown in found]


def _installed(environment):
    """Let `make` find what it would install, as if it had; with stamps of its own, so that it installs nothing."""
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix, name))
    for stamp in (".dev", ".run", ".installed"):
        (environment / stamp).touch()


def without_haste(printed):
    """Leave out what is only said because a machine is busy."""
    return "".join(line for line in printed.splitlines(keepends=True) if not _SLOW.match(line))


def is_like(shown, printed):
    """Whether `printed` is `shown`, where an ellipsis stands for anything: in a line, or as a line for several."""
    lines = [re.escape(line.rstrip()).replace("…", ".*?") for line in shown.splitlines()]
    pattern = "\n".join("(?:.*\n?)*?" if line == ".*?" else line for line in lines)
    text = "\n".join(line.rstrip() for line in without_haste(printed).strip("\n").splitlines())
    return re.fullmatch(pattern.replace("(?:.*\n?)*?\n", "(?:.*\n)*?"), text) is not None


def _free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
