"""A Python shell whose statements may await: they run in an event loop of their own, which goes on between them."""

from __future__ import annotations

import ast
import asyncio
import code
import inspect
import sys
import threading
from contextlib import contextmanager, suppress
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator


@contextmanager
def loop_in_a_thread() -> Generator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread for the time of a block, so that it goes on while a person thinks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="poolhouse shell", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def finish(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """Return what `work` returns, done in the loop of another thread; Ctrl-C cancels it."""
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    except (KeyboardInterrupt, Terminated):
        future.cancel()
        raise


class Terminated(BaseException):
    """The process was told to end while it read, or ran a statement."""


class Console(code.InteractiveConsole):
    """Reads statements, and runs each in the loop; what they raise is shown, and ends nothing."""

    def __init__(self, names: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop = loop

    def runcode(self, code: CodeType) -> None:
        """Run a statement that was read."""
        try:
            self.run(code)
        except (SystemExit, Terminated):
            raise
        except KeyboardInterrupt:
            self.write("\nKeyboardInterrupt\n")
        except BaseException:  # noqa: BLE001 - whatever was typed may raise anything
            self.showtraceback()

    def run(self, code: CodeType) -> None:
        """Run compiled code, and raise what it raises."""
        raised = finish(self._loop, _outcome(FunctionType(code, self.locals)))
        if raised is not None:
            raise raised

    def evaluate(self, text: str) -> None:
        """Run one line, and raise what it raises; the value of an expression is printed."""
        self.run(compile(text, "<command>", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))

    def converse(self, banner: str) -> None:
        """Read statements until the input ends, or somebody says exit()."""
        if sys.stdin.isatty():
            _complete(self.locals)
        with suppress(SystemExit):
            self.interact(banner, exitmsg="")


async def _outcome(function: FunctionType) -> BaseException | None:
    # A SystemExit that leaves a task would end the loop.
    try:
        result = function()
        if inspect.iscoroutine(result):
            await result
    except BaseException as error:  # noqa: BLE001 - it is raised again where the statement was read
        return error
    return None


def _complete(names: dict[str, Any]) -> None:
    with suppress(ImportError):
        import readline  # noqa: PLC0415 - not on Windows
        import rlcompleter  # noqa: PLC0415 - the same

        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
