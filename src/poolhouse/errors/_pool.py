"""Errors of the shared pool: reaching the server, waiting for a connection, closing."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class PoolError(PoolhouseError):
    """The shared pool cannot do what was asked; `retryable` says whether the same call may succeed later."""

    retryable = False


class PoolStateError(PoolError):
    """The pool is not in the state that the call needs, for example used before it was opened."""


class ConnectError(PoolError):
    """No connection could be made; `address` is host, port and database, never the password."""

    def __init__(self, fact: str, *, address: str, remedy: str) -> None:
        self.address = address
        super().__init__(fact, place=address, remedy=remedy)


class ServerUnavailableError(ConnectError):
    """Nothing that speaks PostgreSQL answered, or the server is starting or stopping; waited for, then raised."""

    retryable = True


class AuthenticationError(ConnectError):
    """The server refused the role or its password; raised at once, since waiting cannot mend it."""


class DatabaseMissingError(ConnectError):
    """The server has no database of that name; raised at once."""


class PoolExhaustedError(PoolError):
    """No connection came free before the deadline; says who waited, how long, and who holds the connections.

    Where the service is held up by its own limit alone, `max_size` is that one, and `is_limited` is true.
    """

    retryable = True

    def __init__(
        self, *, service: str, waited: float, holders: tuple[str, ...], max_size: int, is_limited: bool = False
    ) -> None:
        self.service = service
        self.waited = waited
        self.holders = holders
        self.max_size = max_size
        self.is_limited = is_limited
        held = f"held by {', '.join(holders)}" if holders else "none of them is held for long"
        limit = f"its max_connections ({max_size})" if is_limited else "max_size"
        super().__init__(
            f"service {service!r} waited {waited:.2f} s for one of {max_size} connections: {held}",
            remedy=f"Hold connections for less time, or raise {limit} or acquire_timeout",
        )


class SelfDeadlockError(PoolError):
    """A task that holds every connection it could get waited for another, which nobody but itself could give back."""

    def __init__(self, *, service: str, held: int, is_limited: bool = False) -> None:
        self.service = service
        self.held = held
        self.is_limited = is_limited
        these = "the connection" if held == 1 else f"all {held} connections"
        super().__init__(
            f"service {service!r} holds {these} that it could get, and would wait for ever for another",
            remedy="Pass on the connection that is held, or use one transaction for both; or raise "
            f"{'its max_connections' if is_limited else 'max_size'}",
        )


class RoleError(PoolError):
    """A connection cannot speak for a service, because the login role cannot take on the service's role."""

    def __init__(self, *, service: str, role: str, reason: str) -> None:
        self.service = service
        self.role = role
        super().__init__(
            f"service {service!r} cannot take on its role {role!r}: {reason}",
            remedy="Create the role and grant it to the login role, or let service_roles be managed, or off",
        )


class DrainTimeoutError(PoolError):
    """The pool was closed, but some connections had to be cut because their holders did not give them back in time."""

    def __init__(self, *, waited: float, holders: tuple[str, ...]) -> None:
        self.waited = waited
        self.holders = holders
        super().__init__(
            f"after {waited:.1f} s connections were still held by {', '.join(holders) or 'nobody known'}, and were cut",
            remedy="Stop what uses the pool before the pool, or raise drain_timeout",
        )
