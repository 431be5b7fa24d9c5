"""Whether all connections that may be opened find room in the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolhouse._core.doctor.findings import advice, fault, fine, warning
from poolhouse._core.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse._core.doctor.facts import PoolFacts, ServerFacts
    from poolhouse._core.doctor.findings import Finding

# The part of the room that should be left for psql, backups, and the second set of processes of a rolling update.
_SPARE = 10


@dataclass(frozen=True, slots=True)
class Sizing:
    """A sum: `processes` pools of `max_size`, each with `more` for migrations, and `others`, in a `room`."""

    max_size: int
    processes: int
    others: int
    room: int
    # A start migrates on a connection of its own where the file, or migration_dsn, asks for one.
    more: int = 1

    @property
    def needed(self) -> int:
        """The most connections that there can be at once."""
        return self.processes * (self.max_size + self.more) + self.others

    @property
    def left(self) -> int:
        """How many connections are free when all others are in use; below 0 so many are missing."""
        return self.room - self.needed

    @property
    def greatest(self) -> int:
        """The greatest `max_size` that fits; 0 where none does."""
        return max((self.room - self.others) // self.processes - self.more, 0)

    @property
    def is_tight(self) -> bool:
        """Whether less than a tenth of the room is left."""
        return self.left * _SPARE < self.room

    def __str__(self) -> str:
        head = "a process" if self.processes == 1 else f"{self.processes} processes"
        parts = [f"{head} with {self.max_size} connections" + (f" and {self.more} for migrations" if self.more else "")]
        if self.others:
            parts.append(f"{self.others} of others")
        return f"{' and '.join(parts)} make {self.needed}"


def processes_of(pool: PoolFacts, server: ServerFacts) -> int:
    """Return how many processes there are: what was said, or more where more connections are open than these have."""
    return max(pool.processes, -(-server.own // pool.max_size))


def judge_sizes(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    """Yield what is to be said of the pool's size, compared with the limits of server, database and role."""
    processes = processes_of(pool, server)
    if processes > pool.processes:
        fact = f"{server.own} connections named {pool.application_name!r} are open, which takes {processes} processes"
        remedy = "Say --processes, and give each application an application_name of its own"
        yield advice("application_name", fact, remedy)
    if server.is_pooled:
        yield _behind_a_pooler(pool, processes)
    else:
        yield _in_the_server(pool, server, processes)
    # PostgreSQL does not hold superusers to these, and behind a pooler they are for its connections, not for ours.
    if not server.is_superuser and not server.is_pooled:
        yield from _in_the_role(pool, server, processes)
        yield from _in_the_database(pool, server, processes)
    yield from _limits_of_services(pool)


def _behind_a_pooler(pool: PoolFacts, processes: int) -> Finding:
    fact = f"up to {processes * (pool.max_size + 1)} connections go to the pooler, which shares the server's"
    remedy = "See that its max_client_conn is above that, and its pool sizes below the server's max_connections"
    return advice("max_size", fact, remedy)


def _in_the_server(pool: PoolFacts, server: ServerFacts, processes: int) -> Finding:
    reserved = server.superuser_reserved_connections + server.reserved_connections
    sizing = Sizing(pool.max_size, processes, server.others, server.max_connections - reserved)
    sum_ = f"{sizing}, and there are {sizing.room} (max_connections {server.max_connections}, {reserved} reserved)"
    if sizing.left < 0:
        return fault("max_size", sum_, _smaller(sizing, f"max_connections to {sizing.needed + reserved} or more"))
    if sizing.is_tight:
        remedy = _smaller(sizing, "max_connections higher")
        return advice("max_size", f"{sum_}: hardly any are left for psql, backups and a rolling update", remedy)
    return fine("max_size", sum_)


def _in_the_role(pool: PoolFacts, server: ServerFacts, processes: int) -> Iterator[Finding]:
    sizing = Sizing(pool.max_size, processes, 0, server.role_limit, more=0 if pool.has_migration_dsn else 1)
    if 0 <= server.role_limit < sizing.needed:
        sum_ = f"{sizing}, and the role {server.role!r} has a CONNECTION LIMIT of {server.role_limit}"
        yield fault("max_size", sum_, _smaller(sizing, f"the role's limit to {sizing.needed} or more"))


def _in_the_database(pool: PoolFacts, server: ServerFacts, processes: int) -> Iterator[Finding]:
    sizing = Sizing(pool.max_size, processes, server.others_here, server.database_limit)
    if 0 <= server.database_limit < sizing.needed:
        sum_ = f"{sizing}, and the database {server.database!r} has a CONNECTION LIMIT of {server.database_limit}"
        yield fault("max_size", sum_, _smaller(sizing, f"the database's limit to {sizing.needed} or more"))


def _smaller(sizing: Sizing, otherwise: str) -> str:
    size = min(sizing.greatest, sizing.max_size - 1)
    return f"Set max_size to {size} or less, or {otherwise}" if size > 0 else f"Set {otherwise}"


def _limits_of_services(pool: PoolFacts) -> Iterator[Finding]:
    limits = pool.max_connections
    for service in sorted(limits.keys() - pool.services if pool.services else ()):
        close = nearest(service, pool.services)
        remedy = f"Did you mean {close}?" if close else f"There are {', '.join(sorted(pool.services))}"
        yield warning("max_connections", f"there is a limit for {service!r}, which is no service", remedy)
    for service, limit in sorted(limits.items()):
        if limit >= pool.max_size:
            fact = f"the limit of {service!r} is {limit}, which is all that max_size allows"
            yield advice("max_connections", fact, "Lower it, or leave it out")
    total = sum(limits.values())
    if pool.services and pool.services <= limits.keys() and total < pool.max_size:
        fact = f"all services have limits, and together they reach {total} of max_size ({pool.max_size})"
        yield advice("max_connections", fact, f"Lower max_size to {total}, or raise a limit")
