"""Opening one resource, and knowing how to close it again."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol, cast

from dependency_injector import providers

from poolhouse._core.lifecycle import LifecycleState
from poolhouse.container.background import BackgroundTask
from poolhouse.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from poolhouse.container.supervisor import Supervisor

# Objects with any of these are entered or awaited by dependency-injector itself when it builds them.
_ENTERED = ("__aenter__", "__await__", "__enter__")


class Handle(Protocol):
    """What is built at once and opened later, such as SharedPool: a resource whose two ends the lifecycle drives."""

    async def open(self) -> None:
        """Begin; leaves nothing behind when it fails or is cancelled."""
        ...

    async def close(self) -> None:
        """End; does nothing when it is not open."""
        ...


class Owner(Protocol):
    """Whose start opens a resource."""

    @property
    def state(self) -> LifecycleState:
        """Where it stands."""
        ...


class Guard:
    """Stands before what a resource calls, until its container is started.

    dependency-injector opens a resource at its first use, and where that is before the start or after the
    shutdown, nothing would ever close it.
    """

    __slots__ = ("is_resting", "name", "original", "owner")

    def __init__(self, original: Callable[..., Any], name: str, owner: Owner) -> None:
        self.original = original
        self.name = name
        self.owner = owner
        self.is_resting = False

    def __repr__(self) -> str:
        return repr(self.original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse, or call the original where the container is started."""
        if self.owner.state is not LifecycleState.STARTED:
            raise LifecycleError(
                f"the resource {self.name} is not open, its container is {self.owner.state.value}",
                remedy="Start the container first: `async with Container()`, or `await container.init_resources()`",
            )
        if self.is_resting:
            raise LifecycleError(
                f"the resource {self.name} was not opened, since only what no Selector has chosen needs it",
                remedy="Choose that before the start, or let something else need the resource",
            )
        # Shut down by hand since the start, as dependency-injector's `Closing` does: whoever did that closes this one.
        return self.original(*args, **kwargs)


def original(provider: providers.Provider[Any]) -> Any:
    """Return what `provider` calls, with or without a guard before it."""
    provides = getattr(provider, "provides", None)
    return provides.original if isinstance(provides, Guard) else provides


def guard(provider: providers.BaseResource[Any], name: str, owner: Owner) -> None:
    """Make calls of `provider` an error while `owner` is not started; handles can be built at any time."""
    if not builds_a_handle(provider):
        cast("Any", provider).set_provides(Guard(original(provider), name, owner))


def let_rest(provider: providers.BaseResource[Any], *, is_resting: bool) -> None:
    """Say whether a resource stays closed although its container is started; handles say themselves that they are."""
    provides = getattr(provider, "provides", None)
    if isinstance(provides, Guard):
        provides.is_resting = is_resting


def is_handle(made: object) -> bool:
    """Whether `made` has coroutine methods `open` and `close`; a file, for one, has others of these names."""
    return all(inspect.iscoroutinefunction(getattr(made, name, None)) for name in ("open", "close"))


def builds_a_handle(provider: providers.BaseResource[Any]) -> bool:
    """Whether calling `provider` only builds what the lifecycle then opens, so that it can be called at any time."""
    kind = original(provider)
    entered = any(hasattr(kind, name) for name in _ENTERED)
    return isinstance(kind, type) and is_handle(kind) and not entered


async def open_resource(
    provider: providers.BaseResource[Any], leaving: AsyncExitStack, *, name: str, supervisor: Supervisor
) -> None:
    """Open the resource of `provider`, which gives it to synchronous callers from then on.

    `leaving` closes it, also where opening it failed half-way or was cancelled. Generators and context
    managers are entered here and not by dependency-injector, which would do it in a task of its own, so
    that what must be left in the task that entered it could not be.
    """
    if builds_a_handle(provider):
        # The handle stays when it is closed: whoever was built with it can go on with it after the next start.
        await _open(_provided(provider), leaving)
        return
    leaving.push_async_callback(_shut_down, provider)
    if provider.initialized:
        # A call before the start has opened it, through an override that no guard knew of.
        made = _provided(provider)
        made = await made if inspect.isawaitable(made) else made
        provider.disable_async_mode()
        if isinstance(made, BackgroundTask):
            await supervisor.start(name, made, leaving)
        elif is_handle(made):
            await _open(made, leaving)
        return
    call = providers.Callable(original(provider), *provider.args, **provider.kwargs)
    made = await enter(call(), leaving)
    if isinstance(made, BackgroundTask):
        await supervisor.start(name, made, leaving)
    _settle(provider, made)


async def enter(made: Any, leaving: AsyncExitStack) -> Any:
    """Await, open or enter what a resource made, and return what it is then; `leaving` undoes that."""
    if asyncio.isfuture(made) or inspect.iscoroutine(made):
        made = await made
    if is_handle(made):
        await _open(made, leaving)
        return made
    if hasattr(made, "__aenter__") and hasattr(made, "__aexit__"):
        return await leaving.enter_async_context(made)
    if hasattr(made, "__enter__") and hasattr(made, "__exit__"):
        return leaving.enter_context(made)
    return made


async def _open(handle: Handle, leaving: AsyncExitStack) -> None:
    leaving.push_async_callback(handle.close)
    await handle.open()


def _settle(provider: providers.BaseResource[Any], value: Any) -> None:
    """Make `provider` give `value` until it is shut down."""
    settled = cast("Any", provider)
    provides, args, kwargs = settled.provides, settled.args, settled.kwargs
    settled.clear_args().clear_kwargs()
    # dependency-injector enters what can be entered, and `value` is entered already.
    settled.set_provides(lambda: nullcontext(value))
    try:
        _provided(provider)
    finally:
        settled.set_provides(provides).set_args(*args).set_kwargs(**kwargs)
    provider.reset_async_mode()


def _provided(provider: providers.BaseResource[Any]) -> Any:
    # Not a call: it would follow an override that was made since the start was planned.
    return cast("Any", provider)._provide((), {})  # noqa: SLF001 - the only way past overrides


async def _shut_down(provider: providers.BaseResource[Any]) -> None:
    done = cast("Any", provider).shutdown()
    if inspect.isawaitable(done):
        await done
