"""Running an application anew after each change of its files, on an embedded PostgreSQL that stays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import watchfiles
from watchfiles import Change, DefaultFilter

from poolhouse.cli.dev_child import OWNER, READY
from poolhouse.cli.keyboard import enter_pressed, has_keyboard
from poolhouse.cli.screen import say

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Sequence

    from poolhouse.cli.project import Project

_SUFFIXES = (".py", ".sql", ".toml", ".yaml", ".yml", ".json", ".html")
_IGNORED = (*DefaultFilter.ignore_dirs, ".poolhouse", "tests", ".ruff_cache", ".nox", ".bench", ".docs", "build")
# Seconds for requests in flight, and then for what is left; a second signal ends what the first one let finish.
_PATIENCE = (2.0, 3.0)
_AFTER_CTRL_C = 1.0


class Sources(DefaultFilter):
    """Lets through what the application is made of: code, migrations, settings."""

    ignore_dirs = _IGNORED

    def __call__(self, change: Change, path: str) -> bool:
        """Whether a change matters."""
        name = Path(path).name
        return super().__call__(change, path) and (name.endswith(_SUFFIXES) or name.startswith(".env"))


class Reloading:
    """Keeps one application running until it is told to stop."""

    def __init__(self, project: Project, *, container: str | None, settings: str | None) -> None:
        self._root = project.root
        self._said = (container or "", settings or "")
        self._stopped = asyncio.Event()
        self._by_terminal = False
        self._starts = 0
        self._changed: asyncio.Future[Any] | None = None

    async def run(self) -> int:
        """Run the application until SIGINT or SIGTERM; return how often it was started."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop, True)  # noqa: FBT003 - the handler takes positions
        loop.add_signal_handler(signal.SIGTERM, self._stop, False)  # noqa: FBT003 - the same
        self._here, self._there = os.pipe()
        server: Process | None = None
        application: Process | None = None
        # anyio keeps the type of its events to itself.
        watch: Any = watchfiles.awatch  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        changes = watch(self._root, watch_filter=Sources(), stop_event=self._stopped, debounce=300)
        # What changes while something is being started counts, too: it watches once it has been asked.
        self._changed = asyncio.ensure_future(anext(changes, None))
        await asyncio.sleep(0)
        try:
            while not self._stopped.is_set():
                if server is None or server.returncode not in {None, 0}:
                    server = await self._start_server()
                if server.returncode in {None, 0}:
                    application = await self._start("application")
                    self._starts += 1
                await self._wait(application, changes)
                await self._end(application)
                application = None
        finally:
            await self._end(application)
            await self._end(server)
            await self._watch_no_more()
            os.close(self._there)
            os.close(self._here)
        return self._starts

    async def _watch_no_more(self) -> None:
        if self._changed is not None:
            self._changed.cancel()
            await asyncio.wait([self._changed])

    def _stop(self, by_terminal: bool) -> None:  # noqa: FBT001 - a signal's handler
        self._by_terminal = self._by_terminal or by_terminal
        self._stopped.set()

    async def _start(self, role: str, *, stdout: int | None = None) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "poolhouse.cli.dev_child", role, *self._said),
            cwd=self._root,
            env={**os.environ, OWNER: str(self._here), "PYTHONUNBUFFERED": "1"},
            pass_fds=[self._here],
            stdout=stdout,
        )

    async def _start_server(self) -> Process:
        """Start what is embedded, and return when it runs, or when it does not."""
        server = await self._start("server", stdout=asyncio.subprocess.PIPE)
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        if await server.stdout.readline() != READY:
            await server.wait()
        return server

    async def _wait(self, application: Process | None, changes: AsyncIterator[set[tuple[Change, str]]]) -> None:
        """Return when something has changed, or it is to stop; or, once the application has ended, at Enter."""
        # One that nobody has waited for to its end, since Enter came first, goes on.
        changed = self._changed = self._changed or asyncio.ensure_future(anext(changes, None))
        if application is not None:
            await _first(changed, asyncio.ensure_future(application.wait()))
        if not self._stopped.is_set() and not changed.done():
            with enter_pressed() as pressed:
                self._tell_end(application)
                await _first(changed, asyncio.ensure_future(pressed.wait()))
        if not changed.done():
            return
        self._changed = None
        if (found := changed.result()) and not self._stopped.is_set():
            self._tell(sorted(path for _, path in found))

    def _tell_end(self, application: Process | None) -> None:
        code = application.returncode if application is not None else None
        how = f"The application ended with exit code {code}" if code is not None else "The application did not start"
        key = ", or when you press Enter" if has_keyboard() else ""
        say(f"poolhouse dev: {how}; it is started again after the next change{key}.")
        _flush()

    def _tell(self, paths: Sequence[str]) -> None:
        named = ", ".join(os.path.relpath(path, self._root) for path in paths[:3])
        say(f"poolhouse dev: {named}{' …' if len(paths) > 3 else ''} changed, starting anew.")
        _flush()

    async def _end(self, process: Process | None) -> None:
        if process is None or process.returncode is not None:
            return
        if self._by_terminal:
            # It was told by the terminal, too.
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _AFTER_CTRL_C)
        for patience in _PATIENCE:
            if process.returncode is not None:
                return
            with suppress(ProcessLookupError, TimeoutError):
                process.terminate()
                await asyncio.wait_for(process.wait(), patience)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _first(changed: asyncio.Future[Any], other: asyncio.Future[Any]) -> None:
    """Wait for one of both; `other` is of no use after that."""
    await asyncio.wait([changed, other], return_when=asyncio.FIRST_COMPLETED)
    other.cancel()


def _flush() -> None:
    sys.stdout.flush()
