"""Functions that resolve: as fast as calls written by hand, and as aware of overrides as the providers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from poolhouse.container.compiling import AwaitedError, Writer
from poolhouse.container.kinds import described
from poolhouse.container.resources import Guard
from poolhouse.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from poolhouse.container.kinds import Provider


def resolver(provider: Provider) -> Callable[[], Any]:
    """Return a function that gives what a call of `provider` gives.

    It is compiled for the overrides in force now. While others are, it uses another one that is compiled for those.
    """
    latest: list[Callable[[], Any]] = []

    def outdated() -> Any:
        # Taken once: another thread may compile for overrides that were changed in between.
        following = latest[0] if latest else None
        made = _MISSED if following is None else following()
        while made is _MISSED:
            following = _compiled(provider, _miss)
            latest[:] = [following]
            made = following()
        return made

    return _compiled(provider, outdated)


def _miss() -> Any:
    return _MISSED


_MISSED = object()


def _compiled(provider: Provider, otherwise: Callable[[], Any]) -> Callable[[], Any]:
    """Return one function for the whole tree, which calls `otherwise` where an override has changed since."""
    writer = Writer(unopened=_refuse_unopened)
    try:
        text = writer.provided(provider).text
    except AwaitedError:
        text = f"{writer.name(provider)}()"
    body = f"return {text}"
    if writer.guards:
        body = f"if {' and '.join(writer.guards)}:\n        {body}\n    return otherwise()"
    namespace = writer.names
    namespace["otherwise"] = otherwise
    code = compile(f"def resolve():\n    {body}\n", f"<resolver of {described(provider)}>", "exec")
    exec(code, namespace)  # noqa: S102 - the text is names, calls and conditions that are written in compiling
    return cast("Callable[[], Any]", namespace["resolve"])


def _refuse_unopened(provider: Any) -> NoReturn:
    guard = provider.provides
    name = guard.name if isinstance(guard, Guard) else described(provider)
    raise LifecycleError(
        f"the resource {name} is not open",
        remedy="Start its container first; one that takes the place of another is opened by container.overriding()",
    )
