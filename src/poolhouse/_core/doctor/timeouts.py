"""Whether the pool's time limits and the server's go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.doctor.findings import advice, quoted, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse._core.doctor.facts import PoolFacts, ServerFacts
    from poolhouse._core.doctor.findings import Finding


def judge_timeouts(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    """Yield what is to be said of the time limits."""
    yield from _of_statements(pool, server)
    yield from _of_transactions(pool, server)
    yield from _of_idle_sessions(pool, server)
    if pool.connect_timeout >= pool.startup_timeout:
        fact = (
            f"one attempt may take {pool.connect_timeout:g} s, and a start has {pool.startup_timeout:g} s "
            "(startup_timeout), so that a server that does not answer is tried once"
        )
        yield advice("connect_timeout", fact, "Lower it, or raise startup_timeout")


def _of_statements(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    limits = [limit for limit in (pool.command_timeout, server.statement_timeout) if limit]
    if not limits:
        if pool.is_production:
            fact = "no statement has a time limit, neither here nor by the server's statement_timeout"
            yield advice("command_timeout", fact, "Set it above your longest statement")
        return
    longest = min(limits)
    if pool.command_timeout and longest < pool.command_timeout:
        fact = (
            f"it is {pool.command_timeout:g} s, and the server's statement_timeout ends statements after {longest:g} s"
        )
        yield advice(
            "command_timeout", fact, f"Set it to {longest:g} or less, so that errors name the limit that you know"
        )
    if pool.slow_statement >= longest:
        fact = f"it is {pool.slow_statement:g} s, and no statement runs for longer than {longest:g} s"
        yield advice("slow_statement", fact, "Lower it, or nothing will ever be told slow")
    if server.statement_timeout and not pool.has_migration_dsn:
        fact = f"it ends statements after {server.statement_timeout:g} s, those of migrations too"
        remedy = "Give long migrations `-- poolhouse: statement-timeout`, or set migration_dsn for another role"
        yield advice("the server's statement_timeout", fact, remedy)


def _of_transactions(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    limit, place = server.idle_in_transaction_session_timeout, "the server's idle_in_transaction_session_timeout"
    if not limit:
        if pool.is_production:
            fact = "it is off: a transaction that somebody forgot to end keeps its connection and its locks"
            remedy = f"ALTER ROLE {quoted(server.role)} SET idle_in_transaction_session_timeout = '60s'"
            yield advice(place, fact, remedy)
    elif limit <= pool.acquire_timeout:
        fact = (
            f"it ends a transaction that idles for {limit:g} s, and one that waits for a second connection idles up to "
            f"{pool.acquire_timeout:g} s (acquire_timeout)"
        )
        yield warning(place, fact, f"Set acquire_timeout below {limit:g}, or raise it")


def _of_idle_sessions(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    limit, place = server.idle_session_timeout, "the server's idle_session_timeout"
    if not limit or (limit > pool.max_idle and not pool.min_size):
        return
    kept = f"the {pool.min_size} of min_size are kept open" if pool.min_size else "others are after"
    if limit <= pool.max_idle:
        kept = f"the pool closes its own after {pool.max_idle:g} s (max_idle)"
    fact = f"it cuts a connection that idles for {limit:g} s, and {kept}"
    remedy = f"ALTER ROLE {quoted(server.role)} SET idle_session_timeout = 0: the pool closes what is idle by itself"
    yield warning(place, fact, remedy)
