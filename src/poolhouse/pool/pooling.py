"""A pooler between the pool and the server: finding it out, and connections whose sessions it lends.

PgBouncer in transaction mode lends a server's session for one transaction, and then to somebody else. So nothing may be
left in one, a service's role included, and what the driver says in two messages must be one transaction. Why it is
done like this, and what was measured: docs/decisions/0013.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, cast

import asyncpg

from poolhouse._core.lending import IS_DIRECT, alone, begin, first_message, is_foreign, why_refused
from poolhouse.errors import RoleError, UsageError
from poolhouse.pool.connecting import connect
from poolhouse.pool.faults import DRIVER_ERRORS
from poolhouse.settings import Pooler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from poolhouse._core.session_effects import SessionEffect
    from poolhouse.settings import DatabaseSettings

    class _Driver(asyncpg.Connection[Any]):
        """The driver's connection, with what its stubs leave out."""

        _stmts_to_close: set[Any]

        async def _cleanup_stmts(self) -> None: ...

        def _get_unique_id(self, prefix: str) -> str: ...

        async def _introspect_types(self, typeoids: Any, timeout: float | None) -> Any: ...
else:
    _Driver = asyncpg.Connection

_log = logging.getLogger("poolhouse.pool")

T = TypeVar("T")

# poolhouse's own uses: migrations and checks. They speak for the login role, and leave the driver's objects as found.
OWN_SERVICE: Final = "poolhouse"

# The same text for all, since the pooler keeps it.
_OWN_STATEMENTS = "SELECT name FROM pg_catalog.pg_prepared_statements WHERE starts_with(name, 'poolhouse_')"
_ENDS = ("COMMIT", "ROLLBACK")
# Seconds for an answer of a server that has just answered.
_ROLLBACK_LIMIT = 5.0
# What the server says of a role that is not granted, and of one that does not exist.
_ROLE_REFUSED = frozenset({"42501", "42704", "22023"})


class PoolerFoundError(Exception):
    """A connection that was taken for the server's own is a pooler's."""


class Pooling:
    """What an open pool knows of a pooler before the server, and how it connects therefore.

    `lends` says that there is one that lends by transaction, or that may. Until the first answer, with `detect`,
    it is not known; `found` is called when it is.
    """

    def __init__(self, dsn: str, settings: DatabaseSettings, *, found: Callable[[], None]) -> None:
        self._dsn = dsn
        self._settings = settings
        self._found = found
        self._detects = settings.pooler is Pooler.DETECT
        self._keeps_statements: bool | None = None
        self.lends = settings.pooler is Pooler.TRANSACTION

    async def connect(self) -> asyncpg.Connection[Any]:
        """Return a connection as it has to be; raises the driver's error, or an OSError."""
        connection = await self._connect()
        pid = connection.get_server_pid()
        if self.lends or not self._detects or not is_foreign(pid):
            return connection
        try:
            await self.begin_session(connection, None, None, timeout=self._settings.connect_timeout)
        except PoolerFoundError:
            self.note_pooler()
            connection.terminate()
            return await self._connect()
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connect(self) -> asyncpg.Connection[Any]:
        if not self.lends:
            return await connect(self._dsn, self._settings)
        if self._keeps_statements is None and self._settings.statement_cache_size:
            connection = await self._connect_lent(0)
            try:
                async with asyncio.timeout(self._settings.connect_timeout):
                    self._keeps_statements = await connection.keeps_statements()
            except BaseException:
                connection.terminate()
                raise
            if not self._keeps_statements:
                return connection
            connection.terminate()
        return await self._connect_lent(self._settings.statement_cache_size if self._keeps_statements else 0)

    async def _connect_lent(self, statement_cache_size: int) -> LentConnection:
        connection = await connect(
            self._dsn, self._settings, kind=LentConnection, statement_cache_size=statement_cache_size
        )
        return cast("LentConnection", connection)

    async def begin_session(
        self, connection: asyncpg.Connection[Any], role: str | None, name: str | None, *, timeout: float
    ) -> None:
        """Let a fresh session speak for `role`, and call it `name`.

        Raises PoolerFoundError, and leaves it as it was, where it is lent.
        """
        message = first_message(role, name, connection.get_server_pid())
        if await connection.execute(message, timeout=timeout) != IS_DIRECT:
            raise PoolerFoundError

    @property
    def detects(self) -> bool:
        """Whether to find out what there is."""
        return self._detects

    def note_pooler(self) -> None:
        """Take down that there is a pooler. That it lends by session only, nobody could tell from outside."""
        if not self.lends:
            self.lends = True
            _log.info(
                "A pooler answers instead of the server. Each statement is a transaction from now on, as if it lent by "
                "transaction; set pooler to session if it lends by session, or to transaction to be told no more"
            )
            self._found()


def _in_a_transaction(method: Callable[..., Awaitable[T]], *, is_one_message: bool) -> Callable[..., Awaitable[T]]:
    @wraps(method)
    async def run(self: LentConnection, *args: Any, timeout: float | None = None, **options: Any) -> T:
        return await self.run_alone(partial(method, self, *args, **options), timeout, is_one_message=is_one_message)

    return run


class LentConnection(_Driver):
    """A connection whose server session is lent for one transaction at a time.

    It speaks for the role that it was told, in each transaction anew; a statement outside of one becomes one.
    """

    __slots__ = ("_is_left_open", "_name", "_role", "_service", "_token")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._is_left_open = False
        self._name: str | None = None
        self._role: str | None = None
        self._service = OWN_SERVICE
        self._token = secrets.token_hex(6)

    def speak_for(self, service: str, role: str | None, name: str | None) -> None:
        """Let the following transactions speak for a service, and be called `name`."""
        self._service, self._role, self._name = service, role, name

    def admit(self, statement: str, effect: SessionEffect) -> None:
        """Raise UsageError where a statement must not reach a session that is lent; `effect` is what it does to it."""
        refused = why_refused(statement, effect, has_role=self._role is not None)
        if refused is not None:
            raise UsageError(refused[0], service=self._service, remedy=refused[1])

    async def keeps_statements(self) -> bool:
        """Return whether a prepared statement is found again in each session: the pooler sees to it, by its own names.

        PgBouncer does from 1.21 on, with max_prepared_statements.
        """
        async with self.transaction(readonly=True):
            name = f"poolhouse_{self._token}"
            statement = await self.prepare(_OWN_STATEMENTS, name=name)
            is_renamed = name not in {row["name"] for row in await statement.fetch()}
            # Or it would stay in a session that is lent to somebody else next.
            del statement
        return is_renamed

    def is_in_transaction(self) -> bool:
        """Return whether a transaction is open that somebody began himself."""
        return not self._is_left_open and super().is_in_transaction()

    async def settle(self, *, is_in_doubt: bool, timeout: float | None = None) -> None:
        """Roll back what was left open, so that the pooler has its session back."""
        if is_in_doubt or self._is_left_open:
            # The driver waits here for the end of what it cancelled.
            with suppress(asyncpg.PostgresError):
                await super().execute("SELECT", timeout=timeout)
        if super().is_in_transaction():
            await super().execute("ROLLBACK", timeout=timeout)
        self._is_left_open = False

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Run statements; what begins a transaction is given the role, and the rest is a transaction of its own."""
        if self._is_left_open:
            await self.settle(is_in_doubt=True, timeout=timeout)
        step = super().execute
        if super().is_in_transaction():
            if query.startswith(_ENDS):
                await self._forget_statements()
            return await step(query, *args, timeout=timeout)
        if args:
            return await self.run_alone(partial(step, query, *args), timeout, is_one_message=True)
        if not query.startswith("BEGIN"):
            return await self._say(alone(self._role, self._name, query), timeout)
        return await self._begin(query, timeout)

    async def run_alone(self, step: Callable[..., Awaitable[T]], timeout: float | None, *, is_one_message: bool) -> T:
        """Run one operation, in a transaction of its own unless there is one, and within `timeout` seconds.

        `is_one_message` says that it stands by itself whichever session each of its messages reaches.
        """
        if self._is_left_open:
            await self.settle(is_in_doubt=True, timeout=timeout)
        if super().is_in_transaction() or (is_one_message and self._role is None):
            return await step(timeout=timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            return await self._run_alone(step, deadline)
        except asyncpg.InvalidCachedStatementError:
            # The table was changed. The driver has forgotten the statement, and would try again by itself, but not
            # in a transaction; what comes in several messages may have used up what it was given.
            if not is_one_message:
                raise
            return await self._run_alone(step, deadline)

    async def _run_alone(self, step: Callable[..., Awaitable[T]], deadline: float | None) -> T:
        await self._begin("BEGIN", _left_until(deadline))
        try:
            result = await step(timeout=_left_until(deadline))
            await self._forget_statements()
            await super().execute("COMMIT", timeout=_left_until(deadline))
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._roll_back()
            raise
        except BaseException:
            # Nobody knows what the server is at. Whoever comes next rolls it back.
            self._is_left_open = True
            raise
        return result

    async def _begin(self, message: str, timeout: float | None) -> str:
        try:
            return await self._say(begin(self._role, self._name, message), timeout)
        except (asyncpg.PostgresError, RoleError):
            await self._roll_back()
            raise
        except BaseException:
            self._is_left_open = True
            raise

    async def _say(self, message: str, timeout: float | None) -> str:
        try:
            return await super().execute(message, timeout=timeout)
        except asyncpg.PostgresError as error:
            if self._role is None or error.sqlstate not in _ROLE_REFUSED or f'"{self._role}"' not in str(error):
                raise
            failure = RoleError(service=self._service, role=self._role, reason=str(error.args[0]))
        raise failure

    async def _roll_back(self) -> None:
        if self.is_closed() or not super().is_in_transaction():
            return
        self._is_left_open = True
        try:
            await self._forget_statements()
            await super().execute("ROLLBACK", timeout=_ROLLBACK_LIMIT)
        except DRIVER_ERRORS:
            # The error before this one counts.
            self.terminate()
        self._is_left_open = False

    async def _forget_statements(self) -> None:
        # In the session where they are; the driver would do so with the next one, wherever that is.
        if self._stmts_to_close:
            await self._cleanup_stmts()

    # The driver's own numbers are those of every process that uses it, and a session may be lent to all of them.
    def _get_unique_id(self, prefix: str) -> str:
        return f"{super()._get_unique_id(prefix)}{self._token}"

    # It turns a setting of the session off and on again.
    async def _introspect_types(self, typeoids: Any, timeout: float | None) -> Any:
        step = super()._introspect_types

        async def run(*, timeout: float | None) -> Any:
            return await step(typeoids, timeout)

        return await self.run_alone(run, timeout, is_one_message=False)

    def _refuse(self, what: str) -> NoReturn:
        fact = f"behind a pooler that lends its connections by transaction, {what}"
        remedy = "Go past the pooler for it, or set pooler to session where it lends by session"
        raise UsageError(fact, service=self._service, remedy=remedy)

    async def add_listener(self, channel: str, callback: Any) -> None:
        """Refuse: what is sent would reach whoever has the session then."""
        del callback
        self._refuse(f"nobody can listen, here on {channel!r}")

    async def prepare(self, query: str, **options: Any) -> Any:
        """Prepare a statement for the open transaction; refused without one."""
        if not super().is_in_transaction():
            self._refuse("a prepared statement is gone after its transaction")
        return await super().prepare(query, **options)


def _left_until(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)


for _name in ("fetch", "fetchrow", "fetchval"):
    setattr(LentConnection, _name, _in_a_transaction(getattr(asyncpg.Connection, _name), is_one_message=True))
for _name in (
    *("executemany", "fetchmany", "copy_records_to_table"),
    *("copy_to_table", "copy_from_table", "copy_from_query"),
):
    setattr(LentConnection, _name, _in_a_transaction(getattr(asyncpg.Connection, _name), is_one_message=False))
