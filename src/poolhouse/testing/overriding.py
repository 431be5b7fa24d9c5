"""Providers that are overridden for a test."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeVar, cast

from poolhouse.container.ports import made_by, ports_filled_by
from poolhouse.testing.stubs import check_stand_in

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from poolhouse.container.replacing import ProviderOf, Providing
    from poolhouse.testing.running import Running

T = TypeVar("T")


class Overriding:
    """Overrides providers of the application: `await overriding(application.users.service, fake)`.

    That holds until the test ends; `async with overriding(...)` until its block does. What was resolved before keeps
    what it has. Where the replacement is a provider of a resource, or needs one, that is started and stopped with the
    override. Raises PortError where an object does not fit the port of a service that it is to be passed to.
    """

    def __init__(self, running: Running) -> None:
        self._running = running

    def __call__(self, provider: ProviderOf[T], replacement: T | Providing[T]) -> Override:
        """Return the override, to be awaited or entered."""
        return Override(self._running, provider, replacement)


class Override:
    """One override: awaited, it holds until the test ends; entered with `async with`, until the block does.

    One that is neither has no effect, which a RuntimeWarning says as of a coroutine.
    """

    _is_idle = False

    def __init__(self, running: Running, provider: Any, replacement: Any) -> None:
        self._running = running
        made = made_by(replacement)
        for name, port in ports_filled_by(cast("Any", running.container), provider):
            if made is not None:
                check_stand_in(made, port, f"what overrides {name}")
        self._context: AbstractAsyncContextManager[None] = cast("Any", running.container).overriding(
            provider, replacement
        )
        self._is_idle = True

    def __del__(self) -> None:
        if self._is_idle:
            warnings.warn("overriding(...) was never awaited nor entered, and overrides nothing", RuntimeWarning, 2)

    def __await__(self) -> Generator[Any, None, None]:
        self._is_idle = False
        return self._running.leaving.enter_async_context(self._context).__await__()

    async def __aenter__(self) -> None:
        self._is_idle = False
        await self._context.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._context.__aexit__(kind, error, traceback)
