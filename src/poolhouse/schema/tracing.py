"""Operations that somebody follows, from before they have a connection to after they have given it back."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Self

from poolhouse.schema.session import Session

if TYPE_CHECKING:
    from types import TracebackType

    from poolhouse.pool import SharedPool, Use
    from poolhouse.pool.tracing import Trace
    from poolhouse.schema.statements import Statement


def open_session(
    pool: SharedPool,
    service: str,
    *,
    held: Use | None,
    timeout: float | None,
    statement: Statement | None = None,
    bulk: bool = False,
    stream: bool = False,
    is_whole: bool = True,
) -> Session:
    """Return the context of one operation, followed where somebody traces; see Session."""
    is_followed = pool.tracer is not None and statement is not None and is_whole
    kind = TracedSession if is_followed else Session
    return kind(
        pool,
        service,
        held=held,
        timeout=timeout,
        statement=statement,
        bulk=bulk,
        stream=stream,
        is_whole=is_whole,
    )


class TracedSession(Session):
    """A session that somebody follows."""

    __slots__ = ("_trace",)

    async def __aenter__(self) -> Self:
        tracer, statement = self._pool.tracer, self._statement
        self._trace: Trace | None = None
        if tracer is not None and statement is not None:
            self._trace = tracer.begin(self._service, statement.schema, statement.text)
        try:
            await super().__aenter__()
        except BaseException as error:
            self._end(error)
            raise
        if self._leased is not None:
            note_acquired(self._trace, self._leased)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except BaseException as failure:
            self._end(failure)
            raise
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._trace is not None:
            self._trace.end(error)


def note_acquired(trace: Trace | None, use: Use) -> None:
    """Tell of a connection that was taken for this operation, where somebody traces."""
    if trace is not None:
        trace.acquired(waited=use.lease.waited, handed_off_in=use.lease.handed_off_in)


_NOBODY: AbstractContextManager[None] = nullcontext()


def following(
    pool: SharedPool, service: str, schema: str, statement: str | None
) -> AbstractContextManager[Trace | None]:
    """Follow what happens in a block, where somebody traces; it gets the trace, or None."""
    tracer = pool.tracer
    return _NOBODY if tracer is None else _Following(tracer.begin(service, schema, statement))


class _Following(AbstractContextManager["Trace"]):
    __slots__ = ("_trace",)

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __enter__(self) -> Trace:
        return self._trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        self._trace.end(error)
